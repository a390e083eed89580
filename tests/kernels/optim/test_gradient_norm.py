from math import inf, nan

import numpy as np
import pytest

pytest.importorskip("numba")

from nnexp.kernels.optim.gradient_norm import CHUNK, sum_of_squares
from nnexp.kernels.twins import compile_object
from nnexp.nn.layers.dense import Dense
from nnexp.nn.network import Network
from nnexp.optim.optimizers import SGD
from nnexp.training.non_finite import NonFiniteError
from nnexp.training.optimizer_step import OptimizerStep


@pytest.mark.parametrize("size", [0, 1, 100, CHUNK, 10 * CHUNK + 7, 3_000_000])
def test_a_sum_of_squares_of_float32_is_accurate_at_any_length(size):
    g = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    exact = np.dot(g.astype(np.float64), g.astype(np.float64))
    assert sum_of_squares(g) == pytest.approx(exact, rel=3e-7)
    assert sum_of_squares(g) == sum_of_squares(g)


def compiled_step(gradient):
    step = OptimizerStep(Network([Dense(10)], (10,), 1), SGD())
    step.network.grad[:] = gradient
    assert compile_object(step)
    return step


def test_the_norm_of_a_step_is_that_of_numpy_where_squares_overflow():
    with np.errstate(over="ignore"):
        assert compiled_step(1e30).step() == pytest.approx(1e30 * 110**0.5, rel=1e-5)


@pytest.mark.parametrize("value", [nan, inf])
def test_a_gradient_that_is_not_finite_changes_no_weight(value):
    step = compiled_step(1.0)
    step.network.grad[7] = value
    before = step.network.theta.copy()
    with np.errstate(invalid="ignore"), pytest.raises(NonFiniteError):
        step.step()
    np.testing.assert_array_equal(step.network.theta, before)
