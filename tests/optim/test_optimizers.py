"""What every optimizer has in common; tests/oracle checks that each computes the right update."""

import tracemalloc

import numpy as np
import pytest
from fixtures.options import make, options

from nnexp.nn.parameters import Parameters
from nnexp.optim.optimizers import SGD

SHAPES = {"W": (300, 200), "kernel": (3, 2, 2, 40), "b": (200,), "c": (40,)}
WITH_OPTIONS = [("adam", "amsgrad", True), ("rmsprop", "centered", True), ("muon", "nesterov", False)]
every_optimizer = pytest.mark.parametrize("name", options("optimizer"))


def bound(optimizer, shapes=SHAPES, gradient=1.0):
    parameters = Parameters(shapes, np.float32)
    rng = np.random.default_rng(0)
    for vector in (parameters.theta, parameters.grad):
        vector[:] = rng.standard_normal(len(parameters))
    parameters.grad *= gradient
    optimizer.bind(parameters)
    return parameters.theta, parameters.grad


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {}) for name in options("optimizer")),
        *((name, {key: value}) for name, key, value in WITH_OPTIONS),
        ("rmsprop", {"momentum": 0.9}),
    ],
    ids=str,
)
def test_a_step_allocates_nothing(name, settings):
    optimizer = make("optimizer", name, weight_decay=0.1, **settings)
    theta, _ = bound(optimizer)
    for _ in range(2):
        optimizer.step(0.5)
    tracemalloc.start()
    for _ in range(10):
        optimizer.step(0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < theta.nbytes / 20


@every_optimizer
def test_steps_write_into_the_networks_weights_and_binding_again_resets_the_state(name):
    optimizer = make("optimizer", name)
    results = []
    for _ in range(2):
        theta, grad = bound(optimizer)
        before, gradient = theta.copy(), grad.copy()
        for _ in range(3):
            optimizer.step()
        assert optimizer.theta is theta
        assert theta.dtype == np.float32
        assert np.isfinite(theta).all()
        assert (theta != before).mean() > 0.99
        np.testing.assert_array_equal(grad, gradient)
        results.append(theta)
    np.testing.assert_array_equal(*results)


@every_optimizer
def test_a_multiplier_of_zero_changes_no_weight(name):
    optimizer = make("optimizer", name, weight_decay=0.1)
    theta, _ = bound(optimizer)
    before = theta.copy()
    optimizer.step(0.0)
    np.testing.assert_array_equal(theta, before)


@every_optimizer
def test_weight_decay_shrinks_matrices_and_leaves_vectors_unchanged(name):
    optimizer = make("optimizer", name, lr=0.1, weight_decay=0.5)
    theta, _ = bound(optimizer, gradient=0.0)
    before = theta.copy()
    optimizer.step(0.5)
    matrices = len(optimizer.matrices)
    factor = theta[0] / before[0]
    assert 0.9 < factor < 0.98
    np.testing.assert_allclose(theta[:matrices], factor * before[:matrices], rtol=1e-5)
    np.testing.assert_array_equal(theta[matrices:], before[matrices:])


@every_optimizer
def test_the_distance_to_the_minimum_of_a_quadratic_decreases(name):
    optimizer = make("optimizer", name)
    theta, grad = bound(optimizer)
    first = float(np.dot(theta, theta))
    for _ in range(200):
        grad[:] = theta
        optimizer.step()
    assert float(np.dot(theta, theta)) < 0.95 * first


@every_optimizer
@pytest.mark.parametrize("shape", [(500,), (500, 1)], ids=["vector", "matrix"])
def test_a_network_may_have_only_vectors_or_only_matrices(name, shape):
    optimizer = make("optimizer", name)
    theta, _ = bound(optimizer, {"only": shape})
    before = theta.copy()
    optimizer.step()
    assert (theta != before).mean() > 0.99


def test_a_users_optimizer_needs_only_a_step():
    class SignSGD(SGD):
        def step(self, scale=1.0):
            self.decay(scale)
            np.sign(self.g, out=self.update)
            self.update *= self.lr * scale
            self.theta -= self.update

    optimizer = SignSGD(lr=0.25)
    theta, grad = bound(optimizer)
    before = theta.copy()
    optimizer.step(0.5)
    np.testing.assert_array_equal(theta, before - np.float32(0.125) * np.sign(grad))


def test_setting_the_momentum_that_it_has_changes_no_bit():
    results = []
    for is_set in (False, True):
        optimizer = make("optimizer", "adam")
        theta, _ = bound(optimizer)
        for _ in range(5):
            if is_set:
                optimizer.momentum = 0.9
            optimizer.step()
        results.append(theta)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adadelta", "lion"])
def test_an_optimizer_without_momentum_refuses_one(name):
    optimizer = make("optimizer", name)
    assert optimizer.momentum is None
    with pytest.raises(AttributeError, match="no momentum"):
        optimizer.momentum = 0.9
