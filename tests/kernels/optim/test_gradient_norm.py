import numpy as np
import pytest

pytest.importorskip("numba")

from nnexp.kernels.optim.gradient_norm import CHUNK, sum_of_squares


@pytest.mark.parametrize("size", [0, 1, 100, CHUNK, 10 * CHUNK + 7, 3_000_000])
def test_a_sum_of_squares_of_float32_is_accurate_at_any_length(size):
    g = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    exact = np.dot(g.astype(np.float64), g.astype(np.float64))
    assert sum_of_squares(g) == pytest.approx(exact, rel=3e-7)
    assert sum_of_squares(g) == sum_of_squares(g)
