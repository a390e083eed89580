"""Any content of an array file is arrays or an `ArrayFileError`.

The first byte says what the rest is: an archive, an array, or the header of an array in an archive whose
checksums are right.
"""

import io
import zipfile
from contextlib import suppress

import numpy as np

from nnexp.array_file import ArrayFileError, read_array, read_arrays


def _written(write: object, **arrays: object) -> bytes:
    file = io.BytesIO()
    write(file, **arrays)  # type: ignore[operator]
    return file.getvalue()


ARRAYS = {"x": np.arange(6.0).reshape(2, 3), "text": np.array(["é", ""]), "scalar": np.array(1, ">i4")}
HEADER = b"\x93NUMPY\1\0\x3a\0{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}   \n" + bytes(8)
SEEDS = [b"\0" + _written(np.savez, **ARRAYS), b"\0" + _written(np.savez_compressed, **ARRAYS)]
SEEDS += [
    b"\1" + HEADER,
    b"\2" + HEADER,
    b"\3" + HEADER,
    b"\1" + HEADER.replace(b"'<f4'", b"[('a','<M8[D]')]"),
]


def check(content: bytes) -> None:
    kind, content = content[:1], content[1:]
    with suppress(ArrayFileError):
        if kind == b"\1":
            arrays = [read_array(io.BytesIO(content))]
        elif kind in (b"\2", b"\3"):
            packed = io.BytesIO()
            with zipfile.ZipFile(
                packed, "w", zipfile.ZIP_DEFLATED if kind == b"\3" else zipfile.ZIP_STORED
            ) as made:
                made.writestr("a.npy", content)
            arrays = list(read_arrays(packed).values())
        else:
            arrays = list(read_arrays(io.BytesIO(content)).values())
        for array in arrays:
            assert array.nbytes <= 1200 * len(content)
            repr(array)
