"""Numerical settings during training: denormal numbers count as zero, BLAS uses a given number of threads.

An optimizer's state decays towards zero where no gradient arrives (a pixel that is rarely lit, a dead unit)
and then stays among the denormal numbers, between 1e-45 and 1e-38 in float32, with which a processor
calculates some hundred times slower. Treating them as zero changes no weight; JAX does so too, and PyTorch on
request.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from threadpoolctl import threadpool_info, threadpool_limits

FTZ_AND_DAZ = 0x8040  # bits 15 and 6 of the register MXCSR: Intel's manual, volume 1, 10.2.3
MXCSR_OFFSET = 28  # bytes, in the floating-point environment of glibc on x86-64
SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"
_libm = ctypes.CDLL("libm.so.6") if SUPPORTED else None


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Treat denormal numbers as zero in this thread; change nothing on an unsupported processor."""
    if _libm is None:
        yield
        return
    before = ctypes.create_string_buffer(32)
    within = ctypes.create_string_buffer(32)
    _libm.fegetenv(before)
    _libm.fegetenv(within)
    ctypes.c_uint32.from_buffer(within, MXCSR_OFFSET).value |= FTZ_AND_DAZ
    _libm.fesetenv(within)
    try:
        yield
    finally:
        _libm.fesetenv(before)


@contextmanager
def blas_threads(limit: int | None) -> Iterator[int]:
    """Limit the threads of linear algebra, if a limit is given; yield how many it uses."""
    with threadpool_limits(limit, "blas") if limit else nullcontext():
        pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        yield max(pools, default=1)
