"""Rows of a table become numbers exactly as they did in training.

N rows, J columns of the table, I columns of numbers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.serving.errors import PredictorError

MISSING = frozenset(
    (
        "",
        "?",
        "NA",
        "N/A",
        "n/a",
        "<NA>",
        "#N/A",
        "#NA",
        "NULL",
        "Null",
        "null",
        "NaN",
        "nan",
        "-nan",
        "-NaN",
        "None",
        "NaT",
    )
)
"""Text that stands for no value, as in training."""
NO_VALUE = "missing"
"""The category of rows that have none."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MOST = 30  # categories that an error lists


@dataclass(frozen=True)
class Column:
    """A column that is learnt from: its name, and its categories, or None where it holds numbers."""

    name: str
    values: tuple[str, ...] | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Column":
        """As a description tells it."""
        return cls(told["name"], tuple(told["values"]) if told.get("values") else None)


def row_of(n: int) -> str:
    """How a person finds the n-th row, from 0."""
    return f"row {n + 1:,}"


def encoded(
    table: Mapping[Any, Any], columns: Sequence[Column], place: Callable[[int], str] = row_of
) -> NDArray[np.float32]:
    """The columns of a table as numbers, x (N, I); NaN where a number is missing.

    Args:
        table: its columns by name, sequences of one length; those that were not learnt from are left alone.
        columns: that were learnt from.
        place: names the n-th row.

    Raises:
        PredictorError: a column is missing, or a value is nothing that its column may hold.
    """
    given = {str(name).strip(): values for name, values in table.items()}
    if absent := [column.name for column in columns if column.name not in given]:
        raise PredictorError(no_columns(absent, columns, list(given)))
    wide = [len(column.values or ("",)) for column in columns]
    x = np.zeros((len(given[columns[0].name]), sum(wide)), np.float32)
    at = 0
    for column, width in zip(columns, wide, strict=True):
        values = given[column.name]
        if len(values) != len(x):
            raise PredictorError(
                f"the column {column.name!r} has {len(values):,} rows, {columns[0].name!r} has {len(x):,}"
            )
        if column.values is None:
            x[:, at] = numbers(values, column.name, place)
        else:
            x[np.arange(len(x)), at + codes(values, column, place)] = 1
        at += width
    return x


def no_columns(absent: Sequence[str], columns: Sequence[Column], given: Sequence[str]) -> str:
    """That columns are missing, and which of those that are there may be meant."""
    lowered = {name.lower(): name for name in given}
    near = {name: get_close_matches(name.lower(), lowered, 1, 0.6) for name in absent}
    guess = ", ".join(f"{lowered[found[0]]!r} for {name!r}" for name, found in near.items() if found)
    what = f"there is no column {', '.join(map(repr, absent[:8]))}{' and others' if len(absent) > 8 else ''}"
    needed = ", ".join(column.name for column in columns[:MOST]) + (", ..." if len(columns) > MOST else "")
    return f"{what}{f'; is it {guess}?' if guess else ''}; the network learnt from: {needed}"


def numbers(values: Any, name: str, place: Callable[[int], str] = row_of) -> NDArray[np.float32]:
    """A column of numbers (N,).

    Raises:
        PredictorError: text, or a number too large.
    """
    array = one_by_one(values, name)
    if array.dtype.kind not in "biuf":
        array = np.array(
            [number(value, name, n, place) for n, value in enumerate(array.tolist())], np.float64
        )
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if (endless := np.isinf(found)).any():
        raise PredictorError(
            f"{place(int(endless.argmax()))}: the column {name!r} holds an infinite number, or one too large; mend it"
        )
    return found


def one_by_one(values: Any, name: str) -> NDArray[Any]:
    """A column as an array (N,); what a list holds stays as it is."""
    if getattr(values, "ndim", 1) != 1:
        raise PredictorError(f"the column {name!r} must hold one value in each row; is it there twice?")
    if not hasattr(values, "dtype"):
        return np.fromiter(values, object, len(values))
    return np.asarray(
        values.astype(str) if getattr(values.dtype, "kind", "") in "mM" else values
    )  # dates are text, here as in training


def number(value: Any, name: str, n: int, place: Callable[[int], str]) -> float:
    """A number in any clothes; NaN where it is missing."""
    if isinstance(value, float | int | np.bool_):
        return float(value)
    text = text_of(value)
    if text in MISSING:
        return np.nan
    if not NUMBER.fullmatch(text):
        raise PredictorError(
            f"{place(n)}: the column {name!r} holds {text[:40]!r} where a number belongs; mend it, or leave it empty"
        )
    return float(text)


def codes(values: Any, column: Column, place: Callable[[int], str] = row_of) -> NDArray[np.int64]:
    """The number of each row's category (N,).

    Raises:
        PredictorError: one that was not there in training.
    """
    known = column.values or ()
    found = code_of(known)
    given = one_by_one(values, column.name).astype(object).tolist()
    codes = np.array([found(value) for value in given], np.int64)
    if (strange := codes < 0).any():
        n = int(strange.argmax())
        text = text_of(given[n])
        listed = ", ".join(known[:MOST]) + (f" and {len(known) - MOST:,} more" if len(known) > MOST else "")
        if text in MISSING:
            what = f"the column {column.name!r} has no value, and in training every row had one"
        else:
            what = f"the column {column.name!r} holds {text[:40]!r}, which was not there in training"
        raise PredictorError(f"{place(n)}: {what}; known: {listed}")
    return codes


def code_of(known: Sequence[str]) -> Callable[[Any], int]:
    """What tells the number of a category; -1 of one that is not known.

    Numbers are compared as numbers, true and false whatever their case; a missing value is the category `missing`, if there is one.
    """
    code = {text: n for n, text in enumerate(known)}
    amounts = {float(text): n for text, n in code.items() if NUMBER.fullmatch(text)}
    folded = {text.lower(): n for text, n in code.items() if text.lower() in ("true", "false")}
    seen: dict[Any, int] = {}

    def find(value: Any) -> int:
        text = text_of(value)
        if text in MISSING:
            return code.get(NO_VALUE, -1)
        if text in code:
            return code[text]
        if isinstance(value, bool | np.bool_):
            return folded.get(text.lower(), -1)
        return amounts.get(float(text), -1) if NUMBER.fullmatch(text) else -1

    def remembered(value: Any) -> int:
        key = type(value), str(value)
        if key not in seen:
            seen[key] = find(value)
        return seen[key]

    return remembered


def text_of(value: Any) -> str:
    """A value as text, without spaces around it; whole numbers are written as such, as in training."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    text = value.decode() if isinstance(value, bytes) else str(value)
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", text.strip())
