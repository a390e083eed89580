"""The IDX format of MNIST: a magic number, the dimensions, then bytes; all integers big-endian.

Magic: 0, 0, 0x08 (unsigned bytes), the number of dimensions. Specification: LeCun, Cortes & Burges, the MNIST page.
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from nnexp.data.dataset import Bytes, DataError


def read_idx(path: Path, dimensions: int) -> tuple[Bytes, bytes]:
    """Read a raw or gzip-compressed IDX file of unsigned bytes.

    Args:
        path: the file; compressed if it begins as gzip does, whatever its name.
        dimensions: how many there should be: 3 for images, 1 for labels.

    Returns:
        The array, and the decompressed bytes of the whole file (what a checksum is taken of).

    Raises:
        DataError: not such a file, or not all of it.
    """
    content = decompressed(path)
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise DataError(
            f"{path}: not an IDX file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}, not with 00 00 08"
        )
    if content[3] != dimensions:
        kinds = {1: "labels (1 dimension)", 3: "images (3 dimensions)"}
        wanted, found = (kinds.get(n, f"{n} dimensions") for n in (dimensions, content[3]))
        raise DataError(
            f"{path}: wrong magic number: expected {wanted}, found {found}; were two files swapped?"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"{path}: truncated: it ends inside its header")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    if len(content) != start + prod(shape):
        state = "truncated" if len(content) < start + prod(shape) else "too long"
        raise DataError(
            f"{path}: {state}: its header promises {prod(shape):,} bytes of data, there are {len(content) - start:,}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape), content


def decompressed(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); delete it and fetch it anew") from error
