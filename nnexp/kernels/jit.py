"""The compiler of the kernels: Numba, serial loops, NumPy's division, a cache on disk.

Sums may be reordered, which vectorizes them; NaN and infinity stay what they are, so that training still
notices them.
"""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}  # all but nnan and ninf


def kernel(function: F) -> F:
    """Compile a loop at its first call for the types that it gets; it releases the interpreter's lock."""
    compiled: F = njit(error_model="numpy", fastmath=FAST_MATH, nogil=True, cache=True)(function)
    return compiled
