"""What every average of weights has in common, and corner cases; tests/oracle compares the averages."""

import tracemalloc

import numpy as np
import pytest
from fixtures.options import make, options

from nnexp.optim.averaging import EMA, SWA, Lookahead

P, S = 50_000, 300
every_averaging = pytest.mark.parametrize("name", options("averaging"))


def bound(averaging, size=P, state_size=S):
    theta = np.ones(size, np.float32)
    state = np.zeros(state_size, np.float32)
    averaging.bind(theta, state)
    return theta, state


def train(averaging, theta, state, steps=8):
    for step in range(1, steps + 1):
        theta += 1
        state -= 1
        averaging.after_step(step / steps)


@every_averaging
def test_neither_a_step_nor_an_evaluation_allocates(name):
    averaging = make("averaging", name)
    theta, state = bound(averaging)
    train(averaging, theta, state)
    tracemalloc.start()
    train(averaging, theta, state)
    with averaging.applied():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < theta.nbytes / 20


@every_averaging
def test_averages_are_written_into_the_networks_vectors_and_removed_again(name):
    averaging = make("averaging", name)
    theta, state = bound(averaging)
    with averaging.applied():
        assert (set(theta), set(state)) == ({1.0}, {0.0}), "no average yet"
    train(averaging, theta, state)
    plain = theta.copy(), state.copy()
    with averaging.applied():
        assert averaging.theta is theta
        assert averaging.state is state
        assert theta.dtype == np.float32
    np.testing.assert_array_equal(theta, plain[0])
    np.testing.assert_array_equal(state, plain[1])


@every_averaging
def test_a_network_needs_no_state(name):
    averaging = make("averaging", name)
    theta, state = bound(averaging, 4, 0)
    train(averaging, theta, state)
    with averaging.applied():
        assert np.isfinite(theta).all()


def test_swa_averages_weights_and_state_from_its_start_on():
    averaging = SWA(start=0.75)
    theta, state = bound(averaging)
    train(averaging, theta, state)
    with averaging.applied():
        assert (set(theta), set(state)) == ({8.0}, {-7.0})  # of 7, 8, 9 and of -6, -7, -8


def test_training_weights_are_restored_after_an_error():
    averaging = EMA(decay=0.5)
    theta, state = bound(averaging)
    train(averaging, theta, state)
    with pytest.raises(RuntimeError, match="evaluation"), averaging.applied():
        raise RuntimeError("evaluation")
    assert (set(theta), set(state)) == ({9.0}, {-8.0})


def test_applying_an_applied_average_changes_nothing():
    averaging = EMA(decay=0.5)
    theta, state = bound(averaging)
    train(averaging, theta, state)
    with averaging.applied():
        average = theta.copy()
        with averaging.applied():
            np.testing.assert_array_equal(theta, average)
        np.testing.assert_array_equal(theta, average)
    assert set(theta) == {9.0}


def test_lookahead_moves_the_weights_half_way_back_every_k_steps():
    averaging = Lookahead(k=2, alpha=0.5)
    theta, state = bound(averaging)
    train(averaging, theta, state, steps=2)
    assert set(theta) == {2.0}


def test_the_decay_of_an_ema_warms_up():
    averaging = EMA(decay=0.25)
    theta, _ = bound(averaging)
    expected = 0.0
    for step, decay in enumerate([0, 2 / 11, 3 / 12, 1 / 4, 1 / 4]):
        theta[:] = step + 1
        averaging.after_step(0.0)
        expected = decay * expected + (1 - decay) * (step + 1)
        with averaging.applied():
            np.testing.assert_allclose(theta, expected)
