"""Compiled augmentation against the NumPy one, with the same random numbers."""

from copy import deepcopy

import numpy as np
import pytest

from nnexp.data.augmentation.augment import Affine, Compose, Distort, Elastic, Flip, Shift

pytest.importorskip("numba")
from nnexp.kernels.augmentation import CompiledFlip, CompiledShift
from nnexp.kernels.substitution import augmentations
from nnexp.kernels.twins import compile_object

EXACT = {"float32": 3e-5, "float64": 1e-10}  # values are in [0, 1]; a float32 coordinate has six digits
AUGMENTS = [
    *(Distort(shift=2.5, shear=5.0), Affine(rotate=80.0, scale=0.6, shift=9.0), Elastic()),
    *(Shift(), Shift(pixels=9, probability=0.5), Flip(), Distort(probability=0.4)),
]


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("shape", [(8, 7), (3, 6, 9), (2, 1, 4)], ids=str)
@pytest.mark.parametrize("augment", AUGMENTS, ids=lambda augment: type(augment).__name__)
def test_both_paths_agree(augment, shape, dtype):
    images = np.random.default_rng(0).random((9, int(np.prod(shape)))).astype(dtype)
    results = []
    for is_compiled in (False, True):
        own = deepcopy(augment)
        own.bind(shape, 9, dtype, np.random.default_rng(1))
        assert not is_compiled or compile_object(own)
        x = images.copy()
        for n in (9, 4):  # twice, the second time a smaller batch
            own(x[:n])
        assert x.min() >= 0
        assert x.max() <= 1
        results.append(x)
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=EXACT[dtype])


def test_the_steps_of_nested_augmentations_are_compiled():
    nested = Compose(steps=[Compose(steps=[Flip()]), Shift()])
    assert all(compile_object(step) for step in augmentations(nested))
    assert isinstance(nested.steps[0].steps[0], CompiledFlip)
    assert isinstance(nested.steps[1], CompiledShift)
