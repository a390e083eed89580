"""Read the IDX format of MNIST: a magic number, the dimensions, then bytes; integers are big-endian.

Magic: 0, 0, 0x08 (unsigned bytes), the number of dimensions. Source: LeCun, Cortes & Burges, the MNIST page.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from math import prod
from os import fstat
from pathlib import Path
from typing import IO

import numpy as np

from nnexp.array_file import ArrayFileError, check_size
from nnexp.data.dataset import Bytes
from nnexp.data.errors import DataError
from nnexp.gzip_stream import GZIP, GzipStream
from nnexp.regular_file import open_regular

CONTENT = {1: "labels (1 dimension)", 3: "images (3 dimensions)"}
DOWNLOAD_AGAIN = "delete it and download it again"
CHUNK = 1 << 18  # bytes that are read at once


def read_idx(path: Path, dimensions: int) -> tuple[Bytes, str]:
    """Read an IDX file of unsigned bytes, raw or compressed with gzip; return the array and its SHA-256.

    The SHA-256 is that of the decompressed file. What the header says is compared with the size of the file
    before memory is taken, and no more is decompressed than it says.

    Raises:
        DataError: the file cannot be read, or is damaged.
    """
    with reading(path), open_regular(path) as file:
        size = fstat(file.fileno()).st_size
        if file.read(2) != GZIP:
            file.seek(0)
            return _read(file, dimensions, path, size)
        file.seek(0)
        return read_packed_idx(file, dimensions, path, size)


def read_packed_idx(file: IO[bytes], dimensions: int, path: Path, packed: int) -> tuple[Bytes, str]:
    """Read IDX packed with gzip from an open file of `packed` bytes, which is, or is in, `path`."""
    return _read(io.BufferedReader(GzipStream(file)), dimensions, path, None, packed)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise what is wrong with a file of a published data set as a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path=path) from error
    except ArrayFileError as error:
        raise DataError(error.problem, error.fix, path=path) from error
    except ValueError as error:
        raise DataError(str(error), DOWNLOAD_AGAIN, path=path) from error


def _read(
    file: io.BufferedReader, dimensions: int, path: Path, size: int | None, packed: int = 0
) -> tuple[Bytes, str]:
    """Read IDX from a file of `size` bytes; None: of a size that is not known before it is unpacked."""
    start = file.read(4)
    if len(start) < 4 or start[:3] != b"\0\0\x08":
        got = start.hex(" ") or "nothing"
        raise ValueError(f"not an IDX file of bytes: expected 00 00 08 at offset 0, got {got}")
    if start[3] != dimensions:
        expected, got = (CONTENT.get(n, f"{n} dimensions") for n in (dimensions, start[3]))
        problem = f"wrong magic number at offset 3: expected {expected}, got {got}"
        raise DataError(problem, "check whether two files are swapped", path=path)
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise ValueError(f"truncated: it ends in its header, at offset {4 + len(header)}")
    shape = tuple(int(n) for n in np.frombuffer(header, ">u4"))
    length, offset = prod(shape), 4 + len(header)
    if size is not None:
        _check_length(length, size - offset, offset)
    check_size(path, length, packed or length, "unpack it with gunzip")
    array = np.empty(length, np.uint8)
    done = 0
    while count := file.readinto(array.data[done : done + CHUNK]):
        done += count
    _check_length(length, done + len(file.read(1)), offset)
    images = array.reshape(shape)
    return images, idx_checksum(images)


def idx_checksum(array: Bytes) -> str:
    """Compute the SHA-256 that an array has as an IDX file."""
    checksum = sha256(bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes())
    checksum.update(np.ascontiguousarray(array).data)
    return checksum.hexdigest()


def _check_length(expected: int, got: int, offset: int) -> None:
    """Compare the bytes of data, which start at `offset`, with what the header says."""
    if got != expected:
        state = "truncated" if got < expected else "too long"
        raise ValueError(f"{state}: expected {expected:,} bytes of data from offset {offset} on, got {got:,}")
