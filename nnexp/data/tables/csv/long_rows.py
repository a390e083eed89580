"""The lengths of the rows of a CSV file: Arrow reads blocks of one size, into which each row must fit."""

import csv
import io
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.bounded_stream import LONG_LINE, MAX_LINE, is_compressed, open_binary
from nnexp.data.tables.csv.dialect import Dialect
from nnexp.regular_file import open_regular

QUOTE = b'"'
CHUNK = 1 << 20  # bytes
END = "-\n"  # a last line, which is in one field with its line end only within quotes


def measure_rows(path: Path, encoding: str, dialect: Dialect) -> "RowLengths":
    """Measure all rows of a file.

    Raises:
        DataError: one is too long, or its quote is not closed; names the line where it begins.
    """
    with io.TextIOWrapper(open_binary(path), encoding, errors="replace", newline="") as lines:
        lengths = RowLengths(lines, path)
        row: list[str] = []
        try:
            for fields in dialect.parse(chain(lengths, [END])):
                row = fields
                lengths.end_row()
        except csv.Error as error:
            raise lengths.error(str(error)) from error
    if row and row[-1].endswith(END):
        raise lengths.error("its quote is not closed")
    return lengths


def check_last_quote(path: Path, encoding: str, dialect: Dialect) -> None:
    """Raise a `DataError` if a file ends within quotes, which Arrow takes as the last cell."""
    with open_binary(path) if is_compressed(path) else open_regular(path) as file:
        quotes = sum(chunk.count(QUOTE) for chunk in iter(partial(file.read, CHUNK), b""))
    if quotes % 2:  # else they are in pairs
        measure_rows(path, encoding, dialect)


class RowLengths:
    """The lines of a file, with the length of the row that they belong to."""

    def __init__(self, lines: Iterator[str], path: Path) -> None:
        self.lines, self.path = lines, path
        self.lines_read = 0
        self.line = 1  # where the last row begins
        self.size = 0  # of a row so far, in bytes
        self.longest = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.lines_read += 1
        if not self.size:
            self.line = self.lines_read
        self.size += len(line) if line.isascii() else len(line.encode(errors="replace"))
        if self.size > MAX_LINE:
            raise self.error(f"it is longer than {MAX_LINE:,} bytes")
        return line

    def end_row(self) -> None:
        self.longest = max(self.longest, self.size)
        self.size = 0

    def error(self, problem: str) -> DataError:
        return DataError(f"the row that begins in line {self.line:,}: {problem}", LONG_LINE, path=self.path)
