"""Rows of a CSV file in another dialect, written again as Arrow reads them, block by block."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO, Any

ROWS = 1000  # that are written at once


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
    while block := [*islice(rows, ROWS)]:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(block)
        yield text.getvalue().encode()
