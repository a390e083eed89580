"""Products that threads of compiled code share: as exact as NumPy's, whose bits do not depend on threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnexp.nn.layers.dense import Dense
from nnexp.nn.network import Network
from nnexp.optim.optimizers import SGD
from nnexp.training.numerics import blas_threads
from nnexp.training.optimizer_step import OptimizerStep

pytest.importorskip("numba")
from nnexp.kernels.threads import team as of_team
from nnexp.kernels.threads.blas import gemm_address
from nnexp.kernels.threads.products import COLUMNS, ROWS
from nnexp.kernels.threads.team import CompiledProducts
from nnexp.training.threads.helper import is_supported

pytestmark = pytest.mark.skipif(not is_supported(), reason="this C library has no spin locks")
EXACT = {np.float32: 1e-5, np.float64: 1e-12}  # relative to the largest value
LIMIT = 3


@pytest.fixture(scope="module")
def teams():
    with blas_threads(1):
        made = {}
        for dtype in EXACT:
            products = CompiledProducts(LIMIT)
            network = Network([Dense(4)], (3,), 2, dtype)
            products.use_in(network, OptimizerStep(network, SGD()))
            made[dtype] = products
        yield made
        for products in made.values():
            products.close()


@pytest.fixture
def products(teams, dtype, monkeypatch):
    monkeypatch.setattr(of_team, "MIN_WORK", 0)
    monkeypatch.setattr(of_team, "BLOCK_WORK", 2000)
    made = teams[dtype]
    made.steps.clear()
    with made.running():
        yield made


def with_all_threads(products, compute):
    results = []
    for threads in (1, LIMIT, 2, 1):
        products.use(threads)
        results.append(compute())
    assert all(np.array_equal(results[0], other) for other in results[1:])
    return results[0]


sizes = st.one_of(st.integers(1, 70), st.sampled_from([16, 32, 48, 64, 128, 256]))


@pytest.mark.parametrize("dtype", EXACT)
@given(B=sizes, I=sizes, O=sizes, rectify=st.booleans(), bias=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(settings.default.suppress_health_check))
def test_the_three_products_of_a_layer(teams, dtype, B, I, O, rectify, bias):  # noqa: E741
    products = teams[dtype]
    rng = np.random.default_rng(B + I + O)
    x, W, dy = (rng.standard_normal(shape).astype(dtype) for shape in ((B, I), (I, O), (B, O)))
    b = rng.standard_normal(O if bias else 0).astype(dtype)
    rectify &= bias

    def close(got, exact):
        scale = max(np.abs(exact).max(), np.sqrt(I + B + O))
        assert np.abs(got - exact).max() <= EXACT[dtype] * scale

    with products.running(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_team, "MIN_WORK", 0)
        patch.setattr(of_team, "BLOCK_WORK", 2000)
        products.steps.clear()

        def linear():
            return products.linear(x, W, b, np.full((B, O), np.nan, dtype), rectify)

        z = x.astype(float) @ W + (b if bias else 0)
        close(with_all_threads(products, linear), np.maximum(z, 0) if rectify else z)

        def gradients():
            dW, dx = np.full((I, O), np.nan, dtype), np.full((B, I), np.nan, dtype)
            products.weight_gradient(x, dy, dW)
            products.input_gradient(dy, W, dx)
            return np.concatenate([dW.ravel(), dx.ravel()])

        both = with_all_threads(products, gradients)
        close(both[: I * O].reshape(I, O), x.T.astype(float) @ dy)
        close(both[I * O :].reshape(B, I), dy.astype(float) @ W.T)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("axis", [ROWS, COLUMNS])
def test_blocks_of_blas_have_the_bits_of_numpys_product(products, dtype, axis):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 300)).astype(dtype), rng.standard_normal((40, 700)).astype(dtype)
    out = with_all_threads(products, lambda: products.product(a.T, b, np.empty((300, 700), dtype), axis))
    step, blocks = products.steps[a.T.shape, out.shape, axis]
    assert blocks == LIMIT
    for start in range(0, out.shape[axis], step):
        block = slice(start, start + step)
        expected = a.T[block] @ b if axis == ROWS else a.T @ b[:, block]
        assert np.array_equal(out[block] if axis == ROWS else out[:, block], expected)


@pytest.mark.parametrize("dtype", EXACT)
def test_matrices_that_blas_cannot_take_are_left_to_numpy(products, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((64, 200)).astype(dtype)[:, ::2], rng.standard_normal((100, 64)).astype(dtype)
    assert np.array_equal(products.matmul(a, b, np.empty((64, 64), dtype)), a @ b)
    row = np.broadcast_to(b[:1], (100, 64))
    assert np.array_equal(products.matmul(a, row, np.empty((64, 64), dtype)), a @ row)


@pytest.mark.parametrize("dtype", EXACT)
def test_without_a_known_library_numpy_computes_what_tiles_cannot(products, dtype, monkeypatch):
    monkeypatch.setattr(products, "gemm", 0)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((64, 100)).astype(dtype), rng.standard_normal((100, 33)).astype(dtype)
    assert np.array_equal(products.matmul(a, b, np.empty((64, 33), dtype)), a @ b)


@pytest.mark.parametrize("dtype", EXACT)
def test_infinity_and_nan_reach_the_result(products, dtype):
    x, W = np.ones((32, 64), dtype), np.ones((64, 32), dtype)
    x[3, 5], x[9, 60] = np.inf, np.nan
    y = products.linear(x, W, np.zeros(32, dtype), np.empty((32, 32), dtype), rectify=True)
    assert np.isinf(y[3]).all()
    assert np.isnan(y[9]).all()
    assert np.isfinite(np.delete(y, [3, 9], axis=0)).all()


def test_numpys_library_is_known_here():
    """Of NumPy's wheels; what another NumPy lacks costs speed only."""
    with blas_threads(None) as threads:
        assert threads >= 1
    known = gemm_address("float32"), gemm_address("float64")
    assert known == (None, None) or (all(known) and known[0] != known[1])
