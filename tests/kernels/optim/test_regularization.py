import numpy as np
import pytest

pytest.importorskip("numba")

import nnexp.kernels.optim.regularization  # noqa: F401
from nnexp.kernels.twins import compile_object
from nnexp.nn.parameters import Parameters
from nnexp.optim.regularization import Regularization, Regularizer

CASES = [
    {"l1": 0.1},
    {"l2": 0.1},
    {"l1": 0.1, "l2": 0.2},
    {"clip_value": 0.5},
    {"clip_norm": 2.0},
    {"clip_norm": 1e6},
    {"clip_value": 0.5, "clip_norm": 2.0},
    {"max_norm": 4.0},
    {"max_norm": 1e6},
    {"l1": 0.1, "l2": 0.2, "clip_value": 0.5, "clip_norm": 2.0, "max_norm": 4.0},
]


def apply(settings, dtype, compiled, gradient=1.0):
    parameters = Parameters({"W": (30, 20), "kernel": (3, 2, 2, 5), "b": (20,)}, dtype)
    rng = np.random.default_rng(0)
    parameters.theta[:] = rng.standard_normal(len(parameters))
    parameters.theta[::5] = 0
    parameters.grad[:] = gradient * rng.standard_normal(len(parameters))
    regularizer = Regularizer(Regularization(**settings), parameters)
    if compiled:
        assert compile_object(regularizer)
    regularizer.penalize()
    regularizer.clip()
    regularizer.constrain()
    return parameters.theta, parameters.grad


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("settings", CASES, ids=str)
def test_gradients_and_weights_are_those_of_the_numpy_lines(settings, dtype, tolerance):
    numpy_path, compiled = (apply(settings, dtype, compiled) for compiled in (False, True))
    for actual, expected in zip(compiled, numpy_path, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def test_a_norm_whose_square_overflows_is_clipped_as_in_numpy():
    settings = {"clip_norm": 2.0}
    with np.errstate(over="ignore"):
        numpy_path, compiled = (apply(settings, "float32", compiled, 1e30) for compiled in (False, True))
    np.testing.assert_allclose(compiled[1], numpy_path[1], rtol=1e-5)
