"""Errors that Arrow raises while it reads a CSV file, in the words of a `DataError`."""

import re
import zlib
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.bounded_stream import LONG_LINE, MAX_LINE
from nnexp.data.tables.csv.dialect import NAMES_AND_ROWS
from nnexp.data.tables.csv.file_head import DAMAGED_GZIP, NO_ROWS
from nnexp.messages import first_line

INVALID_NUMBER = re.compile(r"CSV column #\d+: Row #\d+: .* to (double|int64): invalid value")
GZIP = re.compile(r"compress|zlib|CRC", re.IGNORECASE)


class NumberError(Exception):
    """A number that is not written like those of the sample."""


class StraddlingError(Exception):
    """A row that is longer than a block, or does not end."""


def is_invalid_number(error: BaseException) -> bool:
    """Check whether Arrow could not parse a number."""
    return INVALID_NUMBER.search(str(error)) is not None


def is_straddling(error: BaseException) -> bool:
    """Check whether Arrow did not find the end of a row in its block."""
    line = first_line(error)
    return "straddl" in line or "chunker" in line


def explain(error: BaseException, last_row: str, path: Path) -> DataError:
    """Translate an error after the last row that was read: the problem and the remedy."""
    line = first_line(error)
    after = f"after {last_row}"
    problem, remedy = f"cannot be read {after}: {line}", ""
    if "field larger than field limit" in line:
        problem, remedy = f"a cell {after} is longer than {MAX_LINE:,} bytes", LONG_LINE
    elif is_straddling(error):
        problem, remedy = f"a row {after} does not end", "close the quote"
    elif "Empty CSV" in line or "Could not skip" in line:
        problem, remedy = NO_ROWS, NAMES_AND_ROWS
    elif isinstance(error, UnicodeDecodeError):
        encoding = "UTF-16" if "utf-16" in error.encoding else "UTF-8"
        problem, remedy = f"text that is not {encoding} {after}", "save it as UTF-8"
    elif "utf" in line.lower():
        problem, remedy = f"invalid UTF-8 {after}", "save it as UTF-8"
    elif isinstance(error, EOFError | zlib.error) or GZIP.search(line):
        problem, remedy = f"damaged gzip file: {line}", DAMAGED_GZIP
    return DataError(problem, remedy, path=path)
