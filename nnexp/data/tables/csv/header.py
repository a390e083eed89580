"""The column names of a CSV file, and the first and last row: are they names and values?"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnexp.data.errors import DataError
from nnexp.data.tables.csv.dialect import Dialect
from nnexp.messages import listed
from nnexp.preprocessing.missing import MISSING
from nnexp.preprocessing.number_format import PLAIN, choose, is_number, readings

MAX_COLUMNS = 1 << 17  # each takes about 30 KB while the file is read
NO_NAMES = "add a line of column names"
MOSTLY = 0.8  # of the names
TAIL = 1 << 14  # bytes at the end of a file
TOTAL = re.compile(
    r"((grand |sub)?total(s|e)?|sums?|gesamt(summe)?|summe|somme|suma|average|mean|mittelwert|moyenne):?",
    re.IGNORECASE,
)
TOTAL_FIX = "delete it; if it is none, move it up"
MIN_SEQUENCE = 3
UNIT_ROWS = 200  # that are compared with the first one
MIN_NUMBERS = 10  # in a column below a unit
MIN_UNITS = 2


def name_columns(names: Sequence[str], path: Path) -> list[str]:
    """Return distinct names; columns without one are called as pandas calls them, but the first.

    Raises:
        DataError: columns have the same name.
    """
    if len(names) > MAX_COLUMNS:
        problem = f"{len(names):,} columns, expected at most {MAX_COLUMNS:,}"
        raise DataError(problem, "write columns that are alike as rows, or leave some out", path=path)
    named = [name or (f"Unnamed: {n}" if n else "") for n, name in enumerate(names)]
    duplicates = [name for name, times in Counter(named).items() if times > 1]
    if duplicates and all(is_number(name) or not name for name in names):
        raise DataError("the first line holds numbers, not column names", NO_NAMES, path=path)
    if duplicates:
        problem = f"more than one column is called {listed([*map(repr, duplicates)])}"
        raise DataError(problem, f"rename all but one, or {NO_NAMES} if there is none", path=path)
    return named


def check_header(
    names: Sequence[str], columns: Mapping[str, Any], column_types: Mapping[str, str], path: Path
) -> None:
    """Raise a `DataError` if the names look like a row of values, by the columns' first values as text.

    They do if the names of all columns of numbers are numbers like theirs, but no sequence such as 0, 1, 2;
    without columns of numbers, if the names of all columns of few values are among these.
    """
    values = {name: {text.strip() for text in columns[name].to_pylist() if text} for name in names}
    numbers = [name for name in names if column_types[name] == "number" and values[name]]
    texts = [name for name in names if column_types[name] == "text"]
    repeated = [name for name in texts if name in values[name]]
    if numbers and all(map(is_number, numbers)):
        are_near = np.mean([_is_near(name, values[name]) for name in numbers]) >= MOSTLY
        are_names = _is_sequence(numbers) or (bool(texts) and not repeated and all(map(str.isdigit, numbers)))
        if are_near and not are_names:
            raise _no_names(names, path)
    elif not numbers and {*repeated} >= ({name for name in texts if _has_few(columns[name])} or {*names}):
        again = next((n for n, row in enumerate(_rows(names, columns)) if row == tuple(names)), None)
        if again is not None:
            problem = f"the first line is repeated in row {again + 1:,} below it"
            raise DataError(problem, f"delete it there, or {NO_NAMES}", path=path)
        raise _no_names(names, path)


def check_first_row(names: Sequence[str], columns: Mapping[str, Any], path: Path) -> None:
    """Raise a `DataError` if the first row holds text above all columns of numbers, as units of measure."""
    units: dict[str, str] = {}
    for name in names:
        cell, *others = [(text or "").strip() for text in columns[name][:UNIT_ROWS].to_pylist()] or [""]
        present = [text for text in others if text not in MISSING]
        if len(present) >= MIN_NUMBERS and all(map(is_number, present)):
            if is_number(cell):
                return
            units |= {} if cell in MISSING else {name: cell}
    if len(units) >= MIN_UNITS:
        shown = listed([f"{cell[:20]!r} in {name!r}" for name, cell in units.items()])
        problem = f"row 1 below the header holds text above columns of numbers: {shown}"
        raise DataError(problem, "delete it if it holds units, else correct the values", path=path)


def check_last_row(path: Path, encoding: str, dialect: Dialect, columns: Mapping[str, Any]) -> None:
    """Raise a `DataError` if the last row of a file is a total, by its first field."""
    if encoding.startswith("utf-16") or path.suffix.lower() == ".gz":
        return
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL, 0))
        lines = re.split(r"\r\n|\n|\r", file.read().decode(encoding, errors="ignore"))
    last = next((line for line in reversed(lines) if line.strip()), "")
    fields = [field.strip() for field in next(iter(dialect.parse([last])), [])]
    first = next((n for n, field in enumerate(fields) if field), None)
    if first is None or len(fields) < len(columns) or not TOTAL.fullmatch(fields[first]):
        return
    texts = [text for text in [*columns.values()][first].to_pylist() if text]
    if sum(text.strip() == fields[first] for text in texts) <= 1:
        raise DataError(f"the last row is a total or a mean: {last.strip()[:60]!r}", TOTAL_FIX, path=path)


def _no_names(names: Sequence[str], path: Path) -> DataError:
    shown = listed([name for name in names if name and not name.startswith("Unnamed: ")])
    return DataError(f"the first line holds values, not column names: {shown}", NO_NAMES, path=path)


def _is_near(name: str, texts: set[str]) -> bool:
    """Check whether a name is a number in the range of a column's numbers, or near it."""
    written = choose(readings({name, *texts}), ".") or PLAIN
    numbers = [number for text in texts if (number := written.parse_if_number(text)) is not None]
    value = written.parse_if_number(name)
    if value is None or not numbers:
        return False
    low, high = min(numbers), max(numbers)
    return 2 * low - high <= value <= 2 * high - low


def _has_few(column: Any) -> bool:
    """Check whether a column's texts repeat."""
    return 2 * len(column.unique()) <= len(column)


def _is_sequence(names: Sequence[str]) -> bool:
    """Check whether names count up, few of them in equal steps: 0, 1, or 400.5, 402.5, or 1, 2, 5, 10."""
    numbers = [PLAIN.parse_if_number(name) for name in names]
    if len(numbers) < 2 or None in numbers:
        return False
    steps = np.diff(np.array(numbers, np.float64))
    if len(numbers) < MIN_SEQUENCE:
        return bool(steps[0] == 1 and names[0].isdigit())
    return bool((steps > 0).all() and (len(numbers) > MIN_SEQUENCE or np.allclose(steps, steps[0])))


def _rows(names: Sequence[str], columns: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    texts = [[(text or "").strip() for text in columns[name].to_pylist()] for name in names]
    return zip(*texts, strict=True)
