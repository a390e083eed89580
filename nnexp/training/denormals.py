"""Numbers too small for a float's normal form count as zero while a network trains.

The state of an optimizer decays towards zero wherever no gradient comes (a pixel that is rarely lit, a unit that died) and then
stays for ever among the denormal numbers, between 1e-45 and 1e-38 in float32, with which a processor calculates some hundred
times slower. No weight is changed by them. The processor can take them for zero; so do JAX, and PyTorch on request.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

FLUSH_AND_ZERO = (
    0x8040  # the bits FTZ (15) and DAZ (6) of the register MXCSR: Intel's manual, volume 1, 10.2.3
)
MXCSR = 28  # its place in the floating-point environment of glibc on x86-64, in bytes
KNOWN = sys.platform == "linux" and platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc"
_libm = ctypes.CDLL("libm.so.6") if KNOWN else None


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Take denormal numbers for zero, in this thread, on processors that we know how to tell so; elsewhere change nothing."""
    if _libm is None:
        yield
        return
    before, within = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    _libm.fegetenv(before)
    _libm.fegetenv(within)
    mode = ctypes.c_uint32.from_buffer(within, MXCSR)
    mode.value |= FLUSH_AND_ZERO
    _libm.fesetenv(within)
    try:
        yield
    finally:
        _libm.fesetenv(before)
