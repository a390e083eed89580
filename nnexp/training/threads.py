"""How many threads the linear algebra uses."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from threadpoolctl import threadpool_info, threadpool_limits


@contextmanager
def blas_threads(limit: int | None) -> Iterator[int]:
    """Hold the linear algebra to that many threads; tells how many it uses."""
    with threadpool_limits(limit, "blas") if limit else nullcontext():
        yield max(
            (pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1
        )
