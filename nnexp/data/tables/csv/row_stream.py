"""Rows of a CSV file in another dialect, written again as Arrow reads them, block by block."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

BLOCK = 1 << 18  # bytes that are read at once; as Arrow's text they take up to a hundred times the memory


class RowStream(io.RawIOBase):
    """A file of rows in Arrow's dialect: commas, double quotes, UTF-8."""

    def __init__(self, rows: Iterable[list[str]], source: IO[str]) -> None:
        self.blocks = write_rows(iter(rows))
        self.source = source  # is closed with this file
        self.pending = b""

    def close(self) -> None:
        self.source.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer)
        self.pending = self.pending or next(self.blocks, b"")
        size = min(len(target), len(self.pending))
        target[:size] = self.pending[:size]
        self.pending = self.pending[size:]
        return size


def write_rows(rows: Iterator[list[str]]) -> Iterator[bytes]:
    """Write rows as CSV, a block at a time."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    size = 0
    for row in rows:
        size += writer.writerow(row)
        if size >= BLOCK:
            yield text.getvalue().encode(errors="replace")
            text.seek(0)
            text.truncate()
            size = 0
    yield text.getvalue().encode(errors="replace")
