"""What holds for every optimizer; that each is the right one, tests/oracle says."""

import tracemalloc
from math import prod

import numpy as np
import pytest

from nnexp.optim.optimizers import SGD

SHAPES = [(300, 200), (3, 2, 2, 40), (200,), (40,)]
P, MATRICES = sum(map(prod, SHAPES)), 300 * 200 + 480
INSIDE_THE_TRUST_RATIO = "lamb"  # its weight decay


def bound(optimizer, shapes=SHAPES, gradient=1.0):
    rng = np.random.default_rng(0)
    theta, grad = rng.standard_normal((2, P)).astype(np.float32)
    grad *= gradient
    optimizer.bind(theta, grad, shapes)
    return theta, grad


def test_a_step_allocates_nothing(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name, weight_decay=0.1)
    theta, _ = bound(optimizer)
    for _ in range(2):
        optimizer.step(0.5)
    tracemalloc.start()
    for _ in range(10):
        optimizer.step(0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < theta.nbytes / 20


@pytest.mark.parametrize(
    "settings", [{"amsgrad": True}, {"centered": True, "momentum": 0.9}, {"nesterov": False}], ids=str
)
def test_nor_does_one_with_its_switches_on(settings, option):
    name = {"amsgrad": "adam", "centered": "rmsprop", "nesterov": "muon"}[next(iter(settings))]
    test_a_step_allocates_nothing(name, lambda group, name, **given: option(group, name, **given, **settings))


def test_a_step_writes_into_the_networks_vector(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name)
    theta, grad = bound(optimizer)
    before, gradient = theta.copy(), grad.copy()
    for _ in range(3):
        optimizer.step()
    assert optimizer.theta is theta
    assert theta.dtype == np.float32
    assert np.isfinite(theta).all()
    assert (theta != before).mean() > 0.99
    np.testing.assert_array_equal(grad, gradient)


def test_a_multiplier_of_zero_moves_nothing(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name, weight_decay=0.1)
    theta, _ = bound(optimizer)
    before = theta.copy()
    optimizer.step(0.0)
    np.testing.assert_array_equal(theta, before)


def test_without_a_gradient_weight_decay_alone_moves_and_only_matrices(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name, lr=0.1, weight_decay=0.5)
    theta, _ = bound(optimizer, gradient=0.0)
    before = theta.copy()
    optimizer.step(0.5)
    left = 1 - 0.1 * 0.5 * (1 if optimizer_name == INSIDE_THE_TRUST_RATIO else 0.5)
    np.testing.assert_allclose(theta[:MATRICES], left * before[:MATRICES], rtol=1e-5)
    np.testing.assert_array_equal(theta[MATRICES:], before[MATRICES:])


def test_without_shapes_everything_decays(option):
    optimizer = option("optimizer", "sgd", weight_decay=0.5)
    theta, _ = bound(optimizer, shapes=None, gradient=0.0)
    before = theta.copy()
    optimizer.step()
    np.testing.assert_allclose(theta, 0.95 * before, rtol=1e-6)


def test_descends_into_a_bowl(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name)
    theta, grad = bound(optimizer)
    heights = []
    for _ in range(200):
        grad[:] = theta
        optimizer.step()
        heights.append(float(np.dot(theta, theta)))
    assert heights[-1] < 0.95 * heights[0]


def test_binding_again_starts_anew(optimizer_name, option):
    optimizer = option("optimizer", optimizer_name)
    paths = []
    for _ in range(2):
        theta, _ = bound(optimizer)
        for _ in range(3):
            optimizer.step()
        paths.append(theta.copy())
    np.testing.assert_array_equal(*paths)


def test_networks_of_vectors_or_of_matrices_alone_are_fine(optimizer_name, option):
    for shapes in ([(P,)], [(P, 1)], None):
        optimizer = option("optimizer", optimizer_name)
        theta, _ = bound(optimizer, shapes)
        before = theta.copy()
        optimizer.step()
        assert (theta != before).mean() > 0.99


@pytest.mark.parametrize("shapes", [[(3, 4)], [(P - 12,), (3, 4)]], ids=str)
def test_shapes_that_do_not_describe_the_vector_are_refused(shapes):
    with pytest.raises(ValueError, match="matrices before vectors"):
        SGD().bind(np.zeros(P), np.zeros(P), shapes)


def test_an_optimizer_of_ones_own_needs_a_step_and_no_more():
    class SignSGD(SGD):
        def step(self, scale=1.0):
            np.sign(self.g, out=self.update)
            self.update *= self.lr * scale
            self.theta -= self.update

    optimizer = SignSGD(lr=0.25)
    theta, grad = bound(optimizer)
    before = theta.copy()
    optimizer.step(0.5)
    np.testing.assert_array_equal(theta, before - np.float32(0.125) * np.sign(grad))


def test_a_momentum_set_to_what_it_was_changes_no_bit(option):
    thetas = []
    for touch in (False, True):
        optimizer = option("optimizer", "adam")
        theta, _ = bound(optimizer)
        for _ in range(5):
            if touch:
                optimizer.momentum = 0.9
            optimizer.step()
        thetas.append(theta)
    np.testing.assert_array_equal(*thetas)
