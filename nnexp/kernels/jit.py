"""The compiler of the kernels: Numba, serial loops, NumPy's division, a cache on disk.

Numba would keep a kernel in its cache when another file changes that the kernel calls: here each version of
the sources has a folder of its own.

Sums may be reordered, which vectorizes them; NaN and infinity stay what they are, so that training still
notices them.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar

from llvmlite.binding import get_host_cpu_features
from numba import config, njit

from nnexp.data.images.folders import user_cache

F = TypeVar("F", bound=Callable[..., object])
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}  # all but nnan and ninf
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": FAST_MATH}

PACKAGE = Path(__file__).parent
KEPT = 3  # folders of other versions


def cache_folder() -> Path | None:
    """Return the folder for what is compiled of these sources: beside them, or in the user's cache."""
    digest = sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    beside = PACKAGE / "__pycache__"
    cache = beside if os.access(beside if beside.exists() else PACKAGE, os.W_OK) else user_cache()
    if cache is None:
        return None
    folder = cache / "compiled" / digest.hexdigest()[:16]
    if not folder.exists():
        with suppress(OSError):
            others = sorted(folder.parent.glob("*"), key=lambda path: path.stat().st_mtime)
            for old in others[:-KEPT]:
                rmtree(old, ignore_errors=True)
    return folder


_features = get_host_cpu_features()
if not config.CACHE_DIR and (folder := cache_folder()) is not None:
    config.CACHE_DIR = str(folder)
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
    compiled: F = njit(nogil=True, cache=True, **OPTIONS)(function)
    return compiled
