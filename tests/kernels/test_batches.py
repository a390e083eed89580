"""Compiled batches against the NumPy ones: one scale, standardized columns, standardized channels."""

import numpy as np
import pytest

from nnexp.data.augmentation.augment import Flip
from nnexp.data.batches import Batches
from nnexp.preprocessing.channels import ChannelScaling
from nnexp.preprocessing.scaling import Standardization

pytest.importorskip("numba")
from nnexp.kernels import batches  # noqa: F401
from nnexp.kernels.twins import compile_object

SIZE = 48  # of an example: 3 channels of 4 x 4 pixels


def table(dtype):
    x = np.random.default_rng(0).standard_normal((30, SIZE)).astype(dtype)
    x[x > 2] = np.nan
    return x, Standardization.fit(x, np.arange(30), np.arange(SIZE) > 3)


def images():
    x = np.random.default_rng(0).integers(0, 256, (30, SIZE), np.uint8)
    return x, ChannelScaling.fit(x, np.arange(30), 3, 1 / 255)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("stored", "exact"),
    [(lambda: table("float32"), True), (lambda: table("float64"), True), (images, False)],
    ids=["float32 table", "float64 table", "images"],
)
def test_both_paths_yield_the_same_examples(stored, exact, dtype):
    x, scale = stored()
    passes = []
    for is_compiled in (False, True):
        augment = None if exact else Flip()
        if augment:
            augment.bind((3, 4, 4), 7, dtype, np.random.default_rng(2))
        order = np.random.default_rng(1)
        one = Batches(x, np.arange(30), np.arange(30), 7, scale, dtype, order, augment=augment)
        assert not is_compiled or compile_object(one)
        passes.append([x.copy() for x, _ in one])
    tolerance = 0 if exact else 1e-6  # what a served model computes is equal to the last bit
    np.testing.assert_allclose(np.concatenate(passes[1]), np.concatenate(passes[0]), tolerance, tolerance)
