"""The address of NumPy's own matrix product: compiled code that calls it has the bits of `np.matmul`."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

NAMES = ("scipy_cblas_{}gemm64_", "cblas_{}gemm64_")  # with 64-bit sizes, as NumPy's wheels have them
PREFIXES = {"float32": "s", "float64": "d"}


@cache
def gemm_address(dtype: str) -> int | None:
    """Return the address of `cblas_sgemm` or `cblas_dgemm` in the library that NumPy uses.

    Returns:
        None: the library has other names, or other sizes, or it is not known which one is NumPy's.
    """
    home = (
        Path(np.__file__).resolve().parents[1]
    )  # the library lies beside NumPy, in numpy.libs, or within it
    addresses = []
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        path = Path(library.filepath).resolve()
        is_own = any(path.is_relative_to(home / folder) for folder in ("numpy.libs", "numpy"))
        for name in NAMES if is_own else ():
            function = getattr(library.dynlib, name.format(PREFIXES[dtype]), None)
            if function is not None:
                addresses.append(ctypes.cast(function, ctypes.c_void_p).value)
    return addresses[0] if len(addresses) == 1 else None
