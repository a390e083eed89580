"""The threads of a run's products: how many at most, and whether this package or the library has them."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_info

from nnexp.training.numerics import blas_threads
from nnexp.training.threads.choice import ThreadChoice
from nnexp.training.threads.helper import is_supported
from nnexp.training.threads.products import Products
from nnexp.usable_cores import usable_cores

MAX_THREADS = 16  # by default: the training thread starts the others, one by one


def thread_limit(given: int | None) -> int:
    """Return the most threads of a run: as given, else the library's number within the usable cores."""
    if given:
        return given
    with blas_threads(None) as threads:
        return min(threads, usable_cores(), MAX_THREADS) if is_supported() else threads


@contextmanager
def shared_products(given: int | None) -> Iterator[Products]:
    """Yield the products of a run; while it lasts, the library has one thread.

    Where threads of this package are not supported, the library keeps its own.

    Args:
        given: the number of threads; None: up to `thread_limit`, as many as are fastest at the time.
    """
    limit = thread_limit(given)
    has_library = any(pool["user_api"] == "blas" for pool in threadpool_info())
    if limit == 1 or not has_library or not is_supported():
        with blas_threads(given) as threads:
            yield Products(threads, of_library=True)
        return
    with blas_threads(1):
        products = Products(limit, None if given else ThreadChoice(limit))
        try:
            yield products
        finally:
            products.close()
