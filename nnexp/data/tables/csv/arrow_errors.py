"""Errors that Arrow raises while it reads a CSV file, in the words of a `DataError`."""

import re
import zlib
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.dialect import NAMES_AND_ROWS
from nnexp.data.tables.csv.file_head import DAMAGED_GZIP, NO_ROWS
from nnexp.messages import first_line

INVALID_NUMBER = re.compile(r"CSV column #\d+: Row #\d+: .* to (double|int64): invalid value")
GZIP = re.compile(r"compress|zlib|CRC", re.IGNORECASE)


class NumberError(Exception):
    """A number that is not written like those of the sample."""


def is_invalid_number(error: BaseException) -> bool:
    """Check whether Arrow could not parse a number."""
    return INVALID_NUMBER.search(str(error)) is not None


def explain(error: BaseException, last_row: str, path: Path) -> DataError:
    """Translate an error after the last row that was read: the problem and the remedy."""
    line = first_line(error)
    if "straddl" in line or "chunker" in line:
        return DataError(f"a row after {last_row} does not end", "close the quote", path=path)
    if "Empty CSV" in line or "Could not skip" in line:
        return DataError(NO_ROWS, NAMES_AND_ROWS, path=path)
    if isinstance(error, UnicodeDecodeError) and "utf" not in error.encoding:
        return DataError(f"text that is not UTF-8 after {last_row}", "save it as UTF-8", path=path)
    if "utf" in line.lower():
        return DataError(f"invalid UTF-8 after {last_row}", "save it as UTF-8", path=path)
    if isinstance(error, EOFError | zlib.error) or GZIP.search(line):
        return DataError(f"damaged gzip file: {line}", DAMAGED_GZIP, path=path)
    return DataError(f"cannot be read after {last_row}: {line}", path=path)
