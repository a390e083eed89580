import numpy as np
import pytest

from nnexp.training.numerics import SUPPORTED, flushed_denormals

pytestmark = pytest.mark.skipif(not SUPPORTED, reason="this processor or C library is not supported")
TINY, TENTH = np.full(100, 2e-38, np.float32), np.float32(0.1)


def test_denormals_are_zero_inside_and_normal_numbers_unchanged():
    with flushed_denormals():
        assert not (TINY * TENTH).any()
        assert (TINY * np.float32(2)).all()
    assert (TINY * TENTH).all()


def test_the_mode_is_restored_after_an_error():
    with pytest.raises(KeyError), flushed_denormals():
        raise KeyError
    assert (TINY * TENTH).all()
