"""The compiler of the kernels: Numba, serial loops, NumPy's division, a cache on disk.

Sums may be reordered, which vectorizes them; NaN and infinity stay what they are, so that training still
notices them.
"""

from collections.abc import Callable
from typing import TypeVar

from llvmlite.binding import get_host_cpu_features
from numba import config, njit

F = TypeVar("F", bound=Callable[..., object])
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}  # all but nnan and ninf

_features = get_host_cpu_features()
if config.CPU_FEATURES is None and _features.get("avx512f"):  # LLVM halves vectors, for processors of 2017
    config.CPU_FEATURES = f"{_features.flatten()},-prefer-256-bit"


def finite_kernel(function: F) -> F:
    """Compile a loop like `kernel` that also assumes that no operand of a calculation is infinite.

    A division of float32 becomes a product with an approximate reciprocal and one step of Newton's method,
    accurate to 1e-7 and twice as fast. `quotient` guards a divisor that may overflow.
    """
    compiled: F = njit(error_model="numpy", fastmath=FAST_MATH | {"ninf"}, nogil=True, cache=True)(function)
    return compiled


def kernel(function: F) -> F:
    """Compile a loop at its first call for the types that it gets; it releases the interpreter's lock."""
    compiled: F = njit(error_model="numpy", fastmath=FAST_MATH, nogil=True, cache=True)(function)
    return compiled
