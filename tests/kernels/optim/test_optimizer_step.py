from math import inf, nan

import numpy as np
import pytest

pytest.importorskip("numba")

from nnexp.kernels.optim.optimizer_step import CompiledOptimizerStep
from nnexp.kernels.twins import compile_object
from nnexp.nn.layers.dense import Dense
from nnexp.nn.network import Network
from nnexp.optim.optimizers import SGD
from nnexp.training.non_finite import NonFiniteError
from nnexp.training.optimizer_step import OptimizerStep


def compiled_step(gradient):
    step = OptimizerStep(Network([Dense(10)], (10,), 1), SGD())
    step.network.grad[:] = gradient
    assert compile_object(step)
    assert type(step) is CompiledOptimizerStep
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
