"""What holds for every average of weights; that each is the right one, tests/oracle says."""

import tracemalloc

import numpy as np
import pytest

from nnexp.optim.averaging import EMA, SWA, Lookahead

P, S = 50_000, 300


def bound(averaging):
    theta, state = np.ones(P, np.float32), np.zeros(S, np.float32)
    averaging.bind(theta, state)
    return theta, state


def walk(averaging, theta, state, steps=8):
    for step in range(1, steps + 1):
        theta += 1
        state -= 1
        averaging.after_step(step / steps)


def test_neither_a_step_nor_an_evaluation_allocates(averaging_name, option):
    averaging = option("averaging", averaging_name)
    theta, state = bound(averaging)
    walk(averaging, theta, state)
    tracemalloc.start()
    walk(averaging, theta, state)
    with averaging.applied():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < theta.nbytes / 20


def test_the_networks_vectors_stay_where_they_are(averaging_name, option):
    averaging = option("averaging", averaging_name)
    theta, state = bound(averaging)
    walk(averaging, theta, state)
    plain = theta.copy(), state.copy()
    with averaging.applied():
        assert averaging.theta is theta
        assert averaging.state is state
        assert theta.dtype == np.float32
    np.testing.assert_array_equal(theta, plain[0])
    np.testing.assert_array_equal(state, plain[1])


def test_before_anything_is_averaged_the_plain_weights_show(averaging_name, option):
    averaging = option("averaging", averaging_name)
    theta, state = bound(averaging)
    with averaging.applied():
        assert (set(theta), set(state)) == ({1.0}, {0.0})


def test_the_mean_of_the_last_part():
    averaging = SWA(start=0.75)
    theta, state = bound(averaging)
    walk(averaging, theta, state)
    with averaging.applied():
        assert (set(theta), set(state)) == ({8.0}, {-7.0})  # of 7, 8, 9 and of -6, -7, -8
    assert (set(theta), set(state)) == ({9.0}, {-8.0})


def test_the_training_weights_come_back_after_an_error():
    averaging = EMA(0.5)
    theta, state = bound(averaging)
    walk(averaging, theta, state)
    with pytest.raises(RuntimeError, match="evaluation"), averaging.applied():
        raise RuntimeError("evaluation")
    assert (set(theta), set(state)) == ({9.0}, {-8.0})


def test_within_applied_applying_again_changes_nothing():
    averaging = EMA(0.5)
    theta, state = bound(averaging)
    walk(averaging, theta, state)
    with averaging.applied():
        average = theta.copy()
        with averaging.applied():
            np.testing.assert_array_equal(theta, average)
        np.testing.assert_array_equal(theta, average)
    assert set(theta) == {9.0}


@pytest.mark.parametrize(
    "averaging", [EMA(), SWA(), Lookahead()], ids=lambda averaging: type(averaging).__name__
)
def test_a_network_without_running_statistics_is_fine(averaging):
    theta, state = np.ones(4), np.zeros(0)
    averaging.bind(theta, state)
    walk(averaging, theta, state)
    with averaging.applied():
        assert np.isfinite(theta).all()


def test_lookahead_goes_half_the_way_back_every_k_steps():
    averaging = Lookahead(k=2, alpha=0.5)
    theta, state = bound(averaging)
    walk(averaging, theta, state, steps=2)
    assert set(theta) == {2.0}


def test_the_memory_of_an_average_grows_with_the_run():
    """Decay 2 / 11 after one step, 3 / 12 after two, and never more than what was asked for."""
    averaging = EMA(0.25)
    theta, _state = bound(averaging)
    expected = 0.0
    for step, decay in enumerate([0, 2 / 11, 3 / 12, 1 / 4, 1 / 4]):
        theta[:] = step + 1
        averaging.after_step(0.0)
        expected = decay * expected + (1 - decay) * (step + 1)
        with averaging.applied():
            np.testing.assert_allclose(theta, expected)
