import numpy as np
import pytest

from nnexp.training.numerics import SUPPORTED, flushed_denormals

pytestmark = pytest.mark.skipif(
    not SUPPORTED, reason="this processor and C library are not among those that can be told"
)


def test_denormals_are_zero_within_and_numbers_without():
    tiny, tenth = np.full(100, 2e-38, np.float32), np.float32(0.1)
    with flushed_denormals():
        assert not (tiny * tenth).any()
        assert (tiny * np.float32(2)).all(), "normal numbers are what they were"
    assert (tiny * tenth).all()


def test_the_mode_ends_with_an_error_too():
    tiny = np.full(100, 2e-38, np.float32)
    with pytest.raises(KeyError), flushed_denormals():
        raise KeyError
    assert (tiny * np.float32(0.1)).all()
