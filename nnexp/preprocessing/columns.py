"""Encode N rows of a table as a network's I inputs: numbers, dates as days, categories one-hot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import listed, nearest
from nnexp.preprocessing.categories import UnseenValues, category_index, index_of_other, list_values
from nnexp.preprocessing.date_cells import encode_date_features, encode_dates
from nnexp.preprocessing.dates import FEATURES, DateFormat
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.missing import MISSING, cell_text, normalize_text
from nnexp.preprocessing.number_format import PLAIN, NumberFormat, choose, readings
from nnexp.preprocessing.scaling import TOO_LARGE

MAX_LISTED = 30  # categories or columns in a message
MAX_ROWS = 3  # rows in a message
DescribeRow = Callable[[int], str]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column of a table that the network's inputs are made from."""

    name: str
    categories: tuple[str, ...] | None = None  # each is one input, 0 or 1; None: numbers or dates
    decimal: str = "."  # how numbers were written in the training table: `NumberFormat`
    infrequent: tuple[str, ...] = ()  # categories that share the input OTHER
    untrained: tuple[str, ...] = ()  # categories without training rows: 0 in all inputs, counted as unseen
    unseen: Literal["other", "error"] = "other"  # what a value that training did not see is taken as
    thousands: str = ""
    date_format: DateFormat | None = None  # of a column of dates or times
    date_features: tuple[str, ...] = ()  # of FEATURES, each with an input per category

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        fields: dict[str, Any] = dict(values) | lists
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """Return a mapping for JSON."""
        return dict(vars(self))

    @property
    def kind(self) -> Literal["number", "category", "date"]:
        """What the cells are."""
        if self.date_format:
            return "date"
        return "number" if self.categories is None else "category"

    @property
    def number_format(self) -> NumberFormat:
        return NumberFormat(self.decimal, self.thousands)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that the column makes."""
        if self.categories:
            return tuple(f"{self.name}={value}" for value in self.categories)
        features = (f"{self.name} {name}={value}" for name in self.date_features for value in FEATURES[name])
        return (self.name, *features)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which of the inputs are numbers, not 0 or 1."""
        return tuple(self.categories is None and name == self.name for name in self.inputs)


def describe_row(n: int) -> str:
    """Name the n-th row, from 0."""
    return f"row {n + 1:,}"


def encode_columns(
    table: Mapping[Any, Any],
    columns: Sequence[Column],
    describe_row: DescribeRow = describe_row,
    unseen: UnseenValues | None = None,
) -> NDArray[np.float64]:
    """Encode a table, sequences by column name, as numbers x (N, I); a missing one is NaN.

    Values that training did not see are the category OTHER if there is one, else 0 in all inputs of their
    column; they are counted in `unseen`.
    """
    given = {str(name).strip(): values for name, values in table.items()}
    check_columns(columns, list(given))
    x = np.zeros((len(given[columns[0].name]), sum(len(column.inputs) for column in columns)))
    first = 0
    for column in columns:
        values = given[column.name]
        if len(values) != len(x):
            lengths = f"has {len(values):,} rows, {columns[0].name!r} has {len(x):,}"
            raise EncodingError(f"the column {column.name!r} {lengths}")
        if column.kind == "category":
            set_one_hot(x, first, encode_categories(values, column, describe_row, unseen))
        elif column.date_format:
            cells = _as_array(values, column.name).astype(object).tolist()
            x[:, first] = days = encode_dates(cells, column.name, column.date_format, describe_row)
            for start, indices in encode_date_features(days, column.date_features):
                set_one_hot(x, first + start, indices)
        else:
            x[:, first] = encode_numbers(values, column.name, describe_row, column.number_format)
        first += len(column.inputs)
    return x


def mark_untrained(columns: Sequence[Column], factor: NDArray[np.floating]) -> Iterator[Column]:
    """Yield the columns with the categories whose inputs are scaled by 0: no training row has them.

    `factor` is that of all inputs, (I,).
    """
    first = 0
    for column in columns:
        factors = factor[first : first + len(column.inputs)].tolist()
        first += len(column.inputs)
        pairs = zip(column.categories or (), factors, strict=False)
        yield replace(column, untrained=tuple(category for category, scaled_by in pairs if scaled_by == 0))


def set_one_hot(x: NDArray[np.floating], first: int, indices: NDArray[np.integer]) -> None:
    """Set x (N, I), which is 0 there, to 1 at `first` + indices (N,); index -1 sets nothing."""
    (rows,) = np.nonzero(indices >= 0)
    x[rows, first + indices[rows]] = 1


def check_columns(columns: Sequence[Column], given: Sequence[str]) -> None:
    """Require that all columns are among the given names."""
    names = [column.name for column in columns]
    if missing := [name for name in names if name not in given]:
        known = {name.lower(): name for name in given}
        near = nearest(missing[0].lower(), known)
        guess = f"; is it {known[near]!r}?" if near else ""
        needed = f"the network's columns: {listed(names, MAX_LISTED)}"
        raise EncodingError(f"missing column: {listed(missing)}{guess}; {needed}")


def encode_numbers(
    values: Any, name: str, describe_row: DescribeRow = describe_row, expected: NumberFormat = PLAIN
) -> NDArray[np.float64]:
    """Convert a column of numbers (N,) to float64; a missing one is NaN.

    Text in another than the expected format is read where only one format fits all of it.

    Raises:
        EncodingError: other text, or a number that is too large for float32.
    """
    array = _as_array(values, name)
    if array.dtype.kind not in "biuf":
        array = _parse_numbers(array.tolist(), name, describe_row, expected)
    encoded = array.astype(np.float64)
    if (infinite := np.abs(encoded) >= TOO_LARGE).any():
        problem = f"the column {name!r} holds a number that is infinite or too large"
        raise EncodingError(f"{describe_row(int(infinite.argmax()))}: {problem}; fix it")
    return encoded


def encode_categories(
    values: Any, column: Column, describe_row: DescribeRow = describe_row, unseen: UnseenValues | None = None
) -> Indices:
    """Convert a column of categories to their indices (N,); -1 of an unseen one without OTHER.

    Raises:
        EncodingError: a value is unseen, and the column refuses such.
    """
    known = column.categories or ()
    index_of = category_index(known, column.number_format, column.infrequent)
    cells = _as_array(values, column.name).astype(object).tolist()
    indices = np.array([index_of(cell) for cell in cells], np.int64)
    untrained = np.isin(indices, [known.index(category) for category in column.untrained])
    (rows,) = np.nonzero((indices < 0) | untrained)
    if not len(rows):
        return indices
    texts = [normalize_text(cells[row]) for row in rows]
    if column.unseen == "error":
        which = listed([describe_row(int(row)) for row in rows], MAX_ROWS)
        problem = f"the column {column.name!r} holds {list_values(texts)}, not seen in training"
        raise EncodingError(f"{which}: {problem}; expected one of {listed(known, MAX_LISTED)}")
    if unseen is not None:
        unseen.add(column.name, texts)
    indices[rows] = np.where(untrained[rows], -1, index_of_other(known))
    return indices


def _as_array(values: Any, name: str) -> NDArray[Any]:
    """Convert a column to an array (N,); items of a list stay objects, dates become text as in training."""
    if getattr(values, "ndim", 1) != 1:
        raise EncodingError(f"the column {name!r} must hold one value per row; is its name there twice?")
    if not hasattr(values, "dtype"):
        return np.fromiter(values, object, len(values))
    is_date = getattr(values.dtype, "kind", "") in "mM"
    return np.asarray(values.astype(str) if is_date else values)


def _parse_numbers(
    cells: Sequence[Any], name: str, describe_row: DescribeRow, expected: NumberFormat
) -> NDArray[np.float64]:
    """Convert cells (N,); texts have the expected format, or else the only one that fits all of them."""
    is_number = [isinstance(cell, Real | Decimal | np.bool_) for cell in cells]
    texts = ["" if known else cell_text(cell) for cell, known in zip(cells, is_number, strict=True)]
    other = {text for text in texts if text not in MISSING and not expected.matches(text)}
    number_format = choose(readings({*texts} - MISSING)) if other else expected
    if number_format is None:
        n = next(n for n, text in enumerate(texts) if text in other)
        problem = f"expected a number in the column {name!r}, got {texts[n][:40]!r}"
        raise EncodingError(f"{describe_row(n)}: {problem}; fix it or leave it empty")
    rows = zip(cells, is_number, texts, strict=True)
    return np.array([float(cell) if known else number_format.parse(text) for cell, known, text in rows])
