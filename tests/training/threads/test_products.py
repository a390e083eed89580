import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.nn.layers.dense import Dense
from nnexp.nn.network import Network
from nnexp.optim.blocks import run_in_order
from nnexp.optim.optimizers import SGD
from nnexp.training.numerics import blas_threads
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.helper import Helper, is_supported
from nnexp.training.threads.limits import shared_products, thread_limit
from nnexp.training.threads.products import Partition, Products

pytestmark = pytest.mark.skipif(not is_supported(), reason="this C library has no spin locks")
SHAPES = [(128, 784, 128), (128, 1024, 300), (300, 200, 500), (33, 1000, 700)]


def layouts(M, K, N, dtype):
    rng = np.random.default_rng(M + K + N)
    a, b = rng.standard_normal((M, K)).astype(dtype), rng.standard_normal((K, N)).astype(dtype)
    return (a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b))


@pytest.fixture
def one_blas_thread():
    with blas_threads(1):
        yield


@pytest.fixture
def products(request, one_blas_thread):
    made = Products(request.param)
    yield made
    made.close()


@pytest.mark.parametrize("products", [2, 3], indirect=True)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_product_has_the_same_bits_with_any_number_of_threads(products, shape, dtype):
    for a, b in layouts(*shape, dtype):
        results = []
        for threads in (1, products.limit, 1, products.limit - 1):
            products.use(threads)
            out = np.full((len(a), b.shape[1]), np.nan, dtype)
            assert products.matmul(a, b, out=out) is out
            results.append(out)
        np.testing.assert_allclose(results[0], a @ b, rtol=1e-3, atol=1e-3)
        assert all(np.array_equal(results[0], other) for other in results[1:])


@pytest.mark.parametrize("products", [2], indirect=True)
def test_blocks_are_computed_one_by_one_where_the_whole_rounds_differently(products, monkeypatch):
    monkeypatch.setattr(Partition, "agrees", lambda partition, a, b: False)
    ((a, b), *_) = layouts(*SHAPES[0], np.float32)
    partition = products.partition(a, b)
    assert (len(partition.blocks), partition.is_exact) == (2, False)
    products.use(1)
    alone = products.matmul(a, b, out=np.empty((128, 128), np.float32)).copy()
    products.use(2)
    assert np.array_equal(products.matmul(a, b, out=np.empty((128, 128), np.float32)), alone)


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(0, 40))
def test_the_blocks_cover_the_result_once(M, N, count):
    blocks = Partition.of(M, N, count).blocks
    covered = np.zeros((M, N), np.uint8)
    for rows, columns in blocks:
        covered[rows, columns] += 1
    assert (covered == 1).all()
    assert len(blocks) <= max(count, 1)


@pytest.mark.parametrize("products", [2], indirect=True)
def test_small_products_start_no_thread(products):
    before = threading.active_count()
    with products.running():
        products.matmul(np.ones((128, 64)), np.ones((64, 128)), out=np.empty((128, 128)))
        products.after_step()
    assert threading.active_count() == before
    assert not products.are_shared


@pytest.mark.parametrize("products", [2], indirect=True)
def test_denormal_numbers_count_as_zero_in_every_block_alike(products):
    ((a, b), *_) = layouts(*SHAPES[0], np.float32)
    a *= np.float32(1e-39)
    with products.running():
        out = products.matmul(a, b, out=np.empty((128, 128), np.float32)).copy()
    assert (out[64:] == 0).all()


@pytest.mark.parametrize("products", [2], indirect=True)
def test_a_sleeping_thread_takes_no_time_and_wakes_again(products):
    ((a, b), *_) = layouts(*SHAPES[0], np.float32)
    out = np.empty((128, 128), np.float32)
    for _ in range(50):
        with products.running():
            products.matmul(a, b, out=out)
        assert not products.helpers[0].is_awake
    assert np.array_equal(out, products.matmul(a, b, out=np.empty_like(out)))


def test_an_error_in_a_task_reaches_the_caller():
    helper = Helper()
    helper.wake()
    helper.start([partial(np.matmul, np.ones((2, 3)), np.ones((2, 3)))])
    with pytest.raises(ValueError, match="matmul"):
        helper.wait()
    helper.end()
    assert not helper.thread.is_alive()


def test_a_network_has_the_products_of_numpy_again_afterwards():
    network = Network([Dense(4)], (3,), 2)
    step = OptimizerStep(network, SGD())
    with shared_products(2) as products:
        products.use_in(network, step)
        assert network.layers[0].matmul == products.matmul
        assert step.run_tasks == products.run
    assert network.layers[0].matmul is np.matmul
    assert step.optimizer.matmul is np.matmul
    assert step.run_tasks is run_in_order


def test_where_the_library_keeps_its_threads_products_are_left_to_it(monkeypatch):
    monkeypatch.setattr("nnexp.training.threads.limits.is_supported", lambda: False)
    network = Network([Dense(4)], (3,), 2)
    with shared_products(2) as products, blas_threads(None) as library:
        products.use_in(network, OptimizerStep(network, SGD()))
        assert (products.limit, library) == (2, 2)
        assert network.layers[0].matmul is np.matmul


@pytest.mark.parametrize(("given", "limit"), [(1, 1), (3, 3), (None, thread_limit(None))])
def test_the_limit_is_the_given_number_or_that_of_the_machine(given, limit):
    with shared_products(given) as products, blas_threads(None) as library:
        assert products.limit == limit
        assert library == 1
        assert (products.choice is None) == (given is not None or limit == 1)
