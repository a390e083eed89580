import numpy as np
import pytest

pytest.importorskip("numba")

import nnexp.kernels.optim.averaging  # noqa: F401
from nnexp.kernels.twins import compile_object
from nnexp.optim.averaging import EMA, SWA, Lookahead

AVERAGES = {
    "ema": lambda: EMA(decay=0.9),
    "ema without warmup": lambda: EMA(decay=0.9, warmup=False),
    "swa": lambda: SWA(start=0.2, every=2),
    "lookahead": lambda: Lookahead(k=3),
}


def train(averaging, dtype):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(1001).astype(dtype)
    state = rng.standard_normal(3).astype(dtype)
    averaging.bind(theta, state)
    for t in range(10):
        theta += 0.1 * rng.standard_normal(1001).astype(dtype)
        state += 1
        averaging.after_step(t / 10)
    training = theta.copy(), state.copy()
    with averaging.applied():
        return *training, theta.copy(), state.copy()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_those_of_the_numpy_lines(name, dtype, tolerance):
    compiled = AVERAGES[name]()
    assert compile_object(compiled)
    results = zip(train(compiled, dtype), train(AVERAGES[name](), dtype), strict=True)
    for actual, expected in results:
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
