"""A table's file once it is open: which columns there are, and its blocks for those that are asked for.

Blocks are Arrow arrays of some thousand rows: numbers as float64, all else as text, null where a value is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nnexp.data.errors import DataError

Kind = Literal["number", "text"]
Block = dict[str, Any]
"""Columns by name, Arrow arrays of one length."""


@dataclass(frozen=True)
class TableReader:
    """A file whose columns are known.

    Attributes:
        kinds: each column's, in the order of the file: a `Kind`, or the name of a type that is none.
        read: takes the columns that are wanted and what to read each as; gives the file's blocks.
        place: names the n-th row, from 0, as a person finds it.
        parts: names that stand for several columns.
        notes: what a person must be told about how the file was read.
    """

    kinds: Mapping[str, str]
    read: Callable[[Mapping[str, Kind]], Iterator[Block]]
    place: Callable[[int], str] = lambda n: f"row {n + 1:,}"
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def unique(names: Sequence[str], path: Path) -> Sequence[str]:
    """The same names, if none is there twice."""
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise DataError(
            f"{path}: more than one column is called {', '.join(map(repr, twice))}: rename all but one"
        )
    return names


def arrow_kind(kind: Any) -> str:
    """What a column of an Arrow type is to us."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return "text"  # pandas' categories
    number = (
        types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)
    )
    strings = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    text = (
        strings
        or types.is_boolean(kind)
        or types.is_date(kind)
        or types.is_timestamp(kind)
        or types.is_time(kind)
    )
    return "number" if number else "text" if text else str(kind)


def as_kind(array: Any, kind: Kind) -> Any:
    """An Arrow array as float64 or as text."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.float64(), safe=False) if kind == "number" else array.cast(pa.string())


def first_line(error: BaseException) -> str:
    """What an error of a library says, in a line."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
