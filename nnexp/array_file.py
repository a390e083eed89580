"""Read arrays from .npz and .npy files that may be damaged or hostile: checked before memory is taken.

Nothing is unpickled, a header is a literal of bounded length, and sizes must agree with each other, with the
file and with the free memory.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from io import SEEK_CUR, SEEK_END
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import numpy as np

from nnexp.available_memory import available_memory
from nnexp.messages import first_line
from nnexp.regular_file import open_regular
from nnexp.stored_array import Array, ArrayFileError, StoredArray

__all__ = ["ArrayFileError", "map_array", "read_array", "read_arrays"]

MAX_DIRECTORY = 1 << 20  # bytes: more than 10,000 arrays
MAX_UNPACKED = 1 << 30  # bytes, of a file that unpacks to more than MAX_RATIO times its size
MAX_RATIO = 200
UNCHECKED = 1 << 24  # bytes that are free without a look
END_RECORD = 22  # bytes, with which an archive ends before its comment
ENCRYPTED = 1  # a flag of an entry
UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
ZIP_ERRORS = (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OverflowError)


def read_arrays(source: Path | BinaryIO, max_bytes: int | None = None) -> dict[str, Array]:
    """Read all arrays of an .npz file, by name.

    Args:
        source: a path, or a file that is open for reading.
        max_bytes: of all arrays together; None: as many as memory is free.

    Raises:
        OSError: the file cannot be opened, or is no regular file.
        ArrayFileError: it is damaged, unsafe, or larger than allowed.
    """
    with _opened(source) as (file, path):
        if (start := file.read(4)) not in (b"PK\3\4", b"PK\5\6"):
            raise ArrayFileError(path, f"not an NPZ file: it starts with {start.hex(' ') or 'nothing'}")
        with ZipFile(_Bounded(file)) as archive:
            arrays = _entries(archive, path)
            total = sum(array.nbytes for array in arrays.values())
            size = file.seek(-END_RECORD - len(archive.comment), SEEK_END)
            if file.read(4) != b"PK\5\6":
                raise ArrayFileError(path, f"something else follows the archive near offset {size:,}")
            check_size(path, total, size, "write it uncompressed, with numpy.savez", max_bytes)
            return {name: array.read() for name, array in arrays.items()}


def read_array(source: Path | BinaryIO, max_bytes: int | None = None) -> Array:
    """Read the array of an .npy file; arguments and errors are those of `read_arrays`."""
    with _opened(source) as (file, path):
        array = _whole_file(file, path)
        check_size(path, array.nbytes, array.size, max_bytes=max_bytes)
        return array.read()


def map_array(path: Path) -> Array:
    """Map the array of an .npy file into memory, read-only; errors are those of `read_arrays`."""
    with _opened(path) as (file, _):
        array = _whole_file(file, path)
        dtype, shape, fortran_order = array.header
        if not array.nbytes:
            return np.empty(shape, dtype)
        mapped = np.memmap(file, np.uint8, "r", array.start, array.nbytes)
        return mapped.view(dtype).reshape(shape, order="F" if fortran_order else "C")


def _whole_file(file: BinaryIO, path: Path | str) -> StoredArray:
    def rewind() -> AbstractContextManager[BinaryIO]:
        file.seek(0)
        return nullcontext(file)

    return StoredArray(rewind, file.seek(0, SEEK_END), path)


def _entries(archive: ZipFile, path: Path | str) -> dict[str, StoredArray]:
    """Return the entries of an archive by the name of their array."""
    arrays: dict[str, StoredArray] = {}
    if start := min((entry.header_offset for entry in archive.infolist()), default=0):
        raise ArrayFileError(path, f"the archive starts at offset {start:,}, expected 0")
    for entry in archive.infolist():
        where = f"{entry.filename!r} at offset {entry.header_offset:,}: "
        array = StoredArray(partial(archive.open, entry), entry.file_size, path, where)
        name = entry.filename.removesuffix(".npy")
        if UNSAFE_NAME.search(entry.orig_filename):
            raise array.error("an unsafe name, expected that of an array")
        if name == entry.filename:
            raise array.error("not an array, expected a name that ends in .npy")
        if name in arrays:
            raise array.error("a second array of this name")
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise array.error("encrypted, or compressed by another method than deflate")
        if entry.compress_type == ZIP_STORED and entry.compress_size != entry.file_size:
            raise array.error(f"expected {entry.file_size:,} bytes, got {entry.compress_size:,}")
        arrays[name] = array
    return arrays


def check_size(
    path: Path | str, total: int, packed: int, unpack: str = "", max_bytes: int | None = None
) -> None:
    """Check before they are read that arrays of `total` bytes are allowed, no bomb, and fit into memory.

    Args:
        path: of the file.
        total: the bytes that it says its arrays have.
        packed: the bytes of the file.
        unpack: how to write it uncompressed.
        max_bytes: that are allowed.

    Raises:
        ArrayFileError: they are too many.
    """
    if total > max(MAX_UNPACKED, MAX_RATIO * packed):
        problem = f"{packed:,} bytes that unpack to {total:,}, more than {MAX_RATIO} times as many"
        raise ArrayFileError(path, problem, unpack)
    if max_bytes is not None and total > max_bytes:
        raise ArrayFileError(path, f"arrays of {total:,} bytes, expected at most {max_bytes:,}")
    free = available_memory() if total > UNCHECKED else None
    if free is not None and total > free:
        problem = f"arrays of {total:,} bytes, more than the {free:,} bytes of memory that are free"
        raise ArrayFileError(path, problem, "free memory, or use a smaller file")


class _Bounded:
    """A file of which only so much is read at once: no directory that claims gigabytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise BadZipFile(f"a directory of {size:,} bytes, expected at most {MAX_DIRECTORY:,}")
        return self.file.read(MAX_DIRECTORY if size < 0 else size)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[tuple[BinaryIO, Path | str]]:
    """Open a file; errors of ZIP and of memory become an `ArrayFileError` with the offset."""
    path = source if isinstance(source, Path) else getattr(source, "name", "array file")
    with open_regular(source) if isinstance(source, Path) else nullcontext(source) as file:
        try:
            file.seek(0)
            yield file, path
        except ArrayFileError:
            raise
        except MemoryError as error:
            raise ArrayFileError(path, "larger than the free memory", "free memory") from error
        except ZIP_ERRORS as error:
            where = f"at offset {file.seek(0, SEEK_CUR):,}"
            problem = f"not an NPZ file, or a damaged one, {where}: {first_line(error)}"
            raise ArrayFileError(path, problem) from error
