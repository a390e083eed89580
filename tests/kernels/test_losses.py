"""Compiled losses against the NumPy ones: value and gradient; NaN stays NaN."""

from copy import deepcopy

import numpy as np
import pytest

from nnexp.nn.losses.classification import Focal, Hinge, SoftmaxCrossEntropy
from nnexp.nn.losses.elementwise import BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError
from nnexp.nn.losses.loss import Loss

pytest.importorskip("numba")
from nnexp.kernels import class_losses, elementwise_losses, losses  # noqa: F401
from nnexp.kernels.twins import TWINS, compile_object

EXACT = {"float32": 1e-5, "float64": 1e-10}
SIZES = [(8, 3), (5, 1), (1, 4)]
LOSSES = [
    *(SoftmaxCrossEntropy(), Focal(), Focal(0.0), Focal(0.5), Hinge(), Hinge(0.7, 2)),
    *(MeanSquaredError(), MeanAbsoluteError(), Huber(0.4), BinaryCrossEntropy()),
]


def targets_of(loss, n, outputs, dtype, rng):
    """Return targets of each kind that the loss takes."""
    if "regression" in loss.tasks:
        yield rng.standard_normal((n, outputs)).astype(dtype)
    if "multilabel" in loss.tasks:
        yield rng.integers(0, 2, (n, outputs)).astype(np.float32)
    if "classification" in loss.tasks:
        yield rng.integers(0, outputs, n)


def test_every_compiled_loss_is_compared():
    assert {type(loss) for loss in LOSSES} == {cls for cls in TWINS if issubclass(cls, Loss)}


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_both_paths_agree(loss, dtype):
    rng = np.random.default_rng(0)
    for n, outputs in SIZES:
        numpy, compiled = deepcopy(loss), deepcopy(loss)
        assert compile_object(compiled)
        for one in (numpy, compiled):
            one.allocate(n + 2, outputs, dtype)
        for y in targets_of(loss, n, outputs, dtype, rng):
            z = (2 * rng.standard_normal((n, outputs))).astype(dtype)
            z[-1, -1] = 30
            assert compiled.forward(z, y) == pytest.approx(numpy.forward(z, y), rel=EXACT[dtype], abs=1e-9)
            expected = numpy.backward()
            atol = EXACT[dtype] * max(np.abs(expected).max(), 1)
            np.testing.assert_allclose(compiled.backward(), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_nan_stays(loss):
    loss = deepcopy(loss)
    assert compile_object(loss)
    loss.allocate(8, 3, "float32")
    z = np.ones((8, 3), np.float32)
    z[2] = np.nan
    y = next(targets_of(loss, 8, 3, "float32", np.random.default_rng(0)))
    with np.errstate(all="ignore"):
        assert np.isnan(loss.forward(z, y))
