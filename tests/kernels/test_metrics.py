"""Compiled running metrics against the NumPy ones."""

import numpy as np
import pytest

from nnexp.metrics.running import R2, Accuracy, LabelAccuracy

pytest.importorskip("numba")
from nnexp.kernels import metrics  # noqa: F401
from nnexp.kernels.twins import compile_object


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda dtype: Accuracy(9), "classes"),
        (lambda dtype: LabelAccuracy(9, 4), "labels"),
        (lambda dtype: R2(9, 4, dtype), "numbers"),
    ],
)
def test_both_paths_agree(make, kind, dtype):
    rng = np.random.default_rng(0)
    numpy, compiled = make(dtype), make(dtype)
    assert compile_object(compiled)
    for metric in (numpy, compiled):
        metric.reset()
    for n in (9, 4, 1):
        z = np.round(rng.standard_normal((n, 4)), 1).astype(dtype)  # some outputs are equal, some are 0
        y = {
            "classes": rng.integers(0, 4, n),
            "labels": rng.integers(0, 2, (n, 4)).astype(np.float32),
            "numbers": (3 + rng.standard_normal((n, 4))).astype(dtype),
        }[kind]
        assert (compiled.update(z, y) == numpy.update(z, y)).all()
    assert compiled.value == pytest.approx(numpy.value, rel=1e-12)
