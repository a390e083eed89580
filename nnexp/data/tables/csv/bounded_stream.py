"""The bytes of a CSV file, unpacked if it is compressed with gzip: no endless line, no compression bomb."""

import gzip
import io
import shlex
from pathlib import Path
from typing import IO, Any

from nnexp.data.errors import DataError
from nnexp.messages import short_path
from nnexp.regular_file import open_regular

GZIP = b"\x1f\x8b"
SIZE_FIELD = 4  # bytes at the end of a gzip file: its unpacked size modulo 2 ** 32
CHUNK = 1 << 18  # bytes
MAX_LINE = 1 << 24  # bytes; 100,000 numbers with all their digits take an eighth
MAX_UNPACKED = 1 << 28  # bytes that any gzip file may unpack to
MAX_RATIO = 100  # of a larger one; tables of measurements have 3 to 10, text rarely 30
LONG_LINE = "look for line ends that are missing, or a quote that is not closed"


def is_compressed(path: Path) -> bool:
    """Check whether a file is compressed with gzip, whatever its name."""
    with open_regular(path) as file:
        return file.read(len(GZIP)) == GZIP


def open_binary(path: Path) -> IO[bytes]:
    """Open a file, unpacked if it is compressed; a long line or a bomb in it is a `DataError`."""
    return io.BufferedReader(BoundedStream(path), 1 << 16)


def check_claimed_size(path: Path) -> None:
    """Unpack a gzip file up to the limit if it claims to unpack to too much: it may only be damaged."""
    with open_regular(path) as file:
        size = path.stat().st_size
        file.seek(max(size - SIZE_FIELD, 0))
        claimed = int.from_bytes(file.read(), "little")
    if is_compressed(path) and claimed > max(MAX_UNPACKED, MAX_RATIO * size):
        with open_binary(path) as file:
            while file.read(CHUNK):
                pass


def check_unpacked(path: Path, unpacked: int) -> None:
    """Raise a `DataError` if so many bytes are too many for a gzip file."""
    size = path.stat().st_size
    if unpacked > max(MAX_UNPACKED, MAX_RATIO * size):
        problem = f"{size:,} bytes that unpack to {unpacked:,} or more, over {MAX_RATIO} times as many"
        packed = shlex.quote(str(short_path(path)))
        unpack = f"if that is what you expect, unpack it: gunzip -c {packed} > table.csv"
        raise DataError(problem, unpack, path=path)


def too_long(line: int, path: Path) -> DataError:
    """Build the error of a line, counted from 1."""
    return DataError(f"line {line:,} is longer than {MAX_LINE:,} bytes", LONG_LINE, path=path)


class BoundedStream(io.RawIOBase):
    """A file that is read once, and that ends with an error at the first byte too many."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.compressed = is_compressed(path)
        opened = open_regular(path)
        self.file: IO[bytes] = gzip.GzipFile(fileobj=opened) if self.compressed else opened  # type: ignore[assignment]
        self.opened = opened
        self.size = 0  # bytes that were read
        self.line_ends = 0
        self.line_start = 0  # in bytes

    def close(self) -> None:
        self.file.close()
        self.opened.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        chunk = self.file.read(len(target))
        target[: len(chunk)] = chunk
        ends = chunk.count(b"\n") or chunk.count(b"\r")
        if ends:
            self.line_ends += ends
            self.line_start = self.size + max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        self.size += len(chunk)
        if self.compressed:
            check_unpacked(self.path, self.size)
        if self.size - self.line_start > MAX_LINE:
            raise too_long(self.line_ends + 1, self.path)
        return len(chunk)
