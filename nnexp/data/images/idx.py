"""Read the IDX format of MNIST: a magic number, the dimensions, then bytes; integers are big-endian.

Magic: 0, 0, 0x08 (unsigned bytes), the number of dimensions. Source: LeCun, Cortes & Burges, the MNIST page.
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from nnexp.data.dataset import Bytes
from nnexp.data.errors import DataError

CONTENT = {1: "labels (1 dimension)", 3: "images (3 dimensions)"}
DOWNLOAD_AGAIN = "delete it and download it again"


def read_idx(path: Path, dimensions: int) -> tuple[Bytes, bytes]:
    """Read an IDX file of unsigned bytes; return the array, and the decompressed bytes for a checksum."""
    content = _decompress(path)
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        start = content[:4].hex(" ") or "nothing"
        problem = f"not an IDX file of bytes: expected a start of 00 00 08, got {start}"
        raise DataError(problem, DOWNLOAD_AGAIN, path=path)
    if content[3] != dimensions:
        expected, got = (CONTENT.get(n, f"{n} dimensions") for n in (dimensions, content[3]))
        problem = f"wrong magic number: expected {expected}, got {got}"
        raise DataError(problem, "check whether two files are swapped", path=path)
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError("truncated: it ends in its header", DOWNLOAD_AGAIN, path=path)
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    size = len(content) - header
    if size != prod(shape):
        state = "truncated" if size < prod(shape) else "too long"
        problem = f"{state}: expected {prod(shape):,} bytes of data by its header, got {size:,}"
        raise DataError(problem, DOWNLOAD_AGAIN, path=path)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape), content


def _decompress(path: Path) -> bytes:
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"damaged gzip file: {error}", DOWNLOAD_AGAIN, path=path) from error
