"""An open table: its columns, and its blocks of some thousand rows.

A block holds Arrow arrays: numbers as float64, all else as text, null where a value is missing.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nnexp.data.errors import DataError
from nnexp.preprocessing.missing import normalize_text
from nnexp.preprocessing.number_format import PLAIN, NumberFormat

MAX_COLUMNS = 1 << 17
ColumnType = Literal["number", "text"]
Block = dict[str, Any]  # Arrow arrays of one length by column name


@dataclass(frozen=True)
class NumberMarks:
    """What is known about a file's numbers beforehand."""

    decimal: str | None = None  # data.decimal
    thousands: str | None = None  # data.thousands
    expected: Mapping[str, NumberFormat] = field(
        default_factory=dict
    )  # of columns that a network learnt from


class TableReader(ABC):
    """A file whose columns are known."""

    path: Path
    column_types: Mapping[str, str]  # in the order of the file: a `ColumnType`, or an unsupported type
    expansions: Mapping[str, tuple[str, ...]]  # names that stand for several columns
    marks: NumberMarks = NumberMarks()  # of numbers that are text
    exact: str | None = (
        None  # a column of text that is read as it is: there, NA does not stand for a missing value
    )
    errors: Mapping[str, DataError] = {}  # of columns whose blocks have no values because of it

    @property
    def notes(self) -> tuple[str, ...]:
        """How the file was read, where that is not obvious."""
        return ()

    @abstractmethod
    def iter_blocks(self, wanted: Mapping[str, ColumnType]) -> Iterator[Block]:
        """Read the wanted columns, each as its type; other values or damage are a `DataError`."""

    def number_format(self, name: str) -> NumberFormat:
        """Return how the numbers of a column are written, once its blocks have been read."""
        return PLAIN

    def number_notes(self, names: Sequence[str]) -> list[str]:
        """Describe how the numbers of columns were read, where that is not obvious."""
        return []

    def describe_row(self, n: int) -> str:
        """Name the n-th row, from 0."""
        return f"row {n + 1:,}"


def unique(names: Sequence[str], path: Path) -> Sequence[str]:
    """Return the names; raise a `DataError` if one is there twice."""
    if duplicates := [repr(name) for name, times in Counter(names).items() if times > 1]:
        problem = f"more than one column is called {', '.join(duplicates)}"
        raise DataError(problem, "rename all but one", path=path)
    return names


def check_column_count(count: int, path: Path) -> None:
    """Raise a `DataError` if there are more columns than memory should be taken for."""
    if count > MAX_COLUMNS:
        raise DataError(f"{count:,} columns, expected at most {MAX_COLUMNS:,}", path=path)


def type_of(arrow_type: Any) -> str:
    """Return the `ColumnType` of an Arrow type, or the name of an unsupported one."""
    from pyarrow import types

    numbers = types.is_integer, types.is_floating, types.is_decimal, types.is_null
    texts = types.is_string, types.is_large_string, types.is_string_view, types.is_dictionary
    others = types.is_boolean, types.is_date, types.is_timestamp, types.is_time
    if any(matches(arrow_type) for matches in numbers):
        return "number"
    return "text" if any(matches(arrow_type) for matches in (*texts, *others)) else str(arrow_type)


def convert(array: Any, column_type: ColumnType) -> Any:
    """Convert an Arrow array to float64 or to text."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column_type == "number":
        return array if pa.types.is_float64(array.type) else array.cast(pa.float64(), safe=False)
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):  # 7.0 as 7, without an exponent
        texts = [None if cell is None else normalize_text(cell) for cell in array.to_pylist()]
        return pa.array(texts, pa.string())
    return array.cast(pa.string())
