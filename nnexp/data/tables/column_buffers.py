"""Columns while a table is read: numbers in one array that grows, categories as codes.

Numbers are rearranged in place, never copied as a whole. N rows, J columns of numbers, I inputs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.data.tables.column_statistics import GROUP, ColumnStatistics
from nnexp.messages import natural_key
from nnexp.preprocessing.columns import DescribeRow, set_one_hot
from nnexp.preprocessing.dates import DateFormat, has_short_year, is_date
from nnexp.preprocessing.missing import MISSING, normalize_text
from nnexp.preprocessing.number_format import is_number
from nnexp.preprocessing.scaling import TOO_LARGE

CHUNK = 8192  # rows that are moved at once
Codes = NDArray[np.int32]
MAX_UNCHECKED = 10_000  # distinct texts that are read before it is checked whether they repeat
MAX_DATE_NAMES = 100  # among text, so many dates may be names
MAX_NUMBER_NAMES = 20  # among text, so many whole numbers may be names

UNITS = " %$€£¥()"  # beside numbers that are text because of them
PLAIN_NUMBERS = "write plain numbers, without % and currency signs"


class NumberColumns:
    """Columns of numbers, side by side in one array."""

    def __init__(self, names: Sequence[str], describe_row: DescribeRow, dtype: DTypeLike, *, droppable: bool):
        self.names, self.describe_row, self.droppable = names, describe_row, droppable
        self.rows = 0
        self.array: NDArray[Any] = np.empty((0, len(names)), dtype)  # (N, J) after `finish`; NaN: missing
        self.statistics = ColumnStatistics(len(names))
        self.errors: dict[str, DataError] = {}  # by column

    def add(self, columns: Sequence[Any], rows: int) -> None:
        """Append a block of Arrow columns; a number that is infinite or too large is one of `errors`."""
        if self.rows + rows > len(self.array):  # the allocator grows large arrays mostly without a copy
            capacity = max(self.rows + rows, len(self.array) * 17 // 16)
            self.array.resize((capacity, len(self.names)), refcheck=False)
        block = self.array[self.rows : self.rows + rows]
        with np.errstate(over="ignore"):
            for first in range(0, len(columns), GROUP):
                group = columns[first : first + GROUP]
                numbers = np.stack([column.to_numpy(zero_copy_only=False) for column in group])
                block[:, first : first + len(group)] = numbers.T
                self.statistics.add(numbers, first)
                for j in range(first, first + len(group)):
                    if self.statistics.largest(j) >= TOO_LARGE:
                        row = int((np.abs(numbers[j - first]) >= TOO_LARGE).argmax())
                        self.errors.setdefault(self.names[j], self.too_large(j, row))
        self.rows += rows

    def too_large(self, j: int, row: int) -> DataError:
        where = f"the column {self.names[j]!r} in {self.describe_row(self.rows + row)}"
        lists = {"data.drop": [self.names[j]]} if self.droppable else {}
        problem = f"a number is infinite or too large for float32: {where}"
        return DataError(problem, "correct it", columns=lists)

    def finish(self) -> None:
        self.array.resize((self.rows, len(self.names)), refcheck=False)

    def constant(self) -> list[str]:
        """Return the columns without two different numbers."""
        return [name for name, constant in zip(self.names, self.statistics.constant, strict=True) if constant]


class CategoryColumn:
    """A column of text, as codes of at most `limit` distinct values.

    Errors propose to add the column to the settings `lists`. Values of an explicit column may look like
    anything.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        describe_row: DescribeRow,
        lists: Sequence[str] = (),
        explicit: bool = False,
    ) -> None:
        self.name, self.limit, self.describe_row = name, limit, describe_row
        self.lists, self.explicit = {key: [name] for key in lists}, explicit
        self.date_format: DateFormat | None = None  # of a column of dates, once it is decided
        self.error: DataError | None = None  # ends the collection of values
        self.code: dict[str, int] = {}
        self.blocks: list[NDArray[np.int32]] = []
        self.missing = 0

    def add(self, column: Any) -> None:
        """Append a block, an Arrow column of text; too many distinct values are an `error`."""
        if self.error:
            return
        encoded = column.dictionary_encode()
        texts = map(normalize_text, encoded.dictionary.to_pylist())
        known = [-1 if text in MISSING else self.code.setdefault(text, len(self.code)) for text in texts]
        indices = encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
        codes = np.array([*known, -1], np.int32)[indices]
        self.missing += int(np.count_nonzero(codes < 0))
        self.blocks.append(codes)
        unchecked = len(self.code) > MAX_UNCHECKED and not is_date(next(iter(self.code)))
        if unchecked and self.is_nearly_unique():
            self.error = self.check()
        if len(self.code) > self.limit:
            self.error = self.check_mixture() or self.too_many(f"more than {self.limit:,} distinct values")

    def too_many(self, count: str) -> DataError:
        problem = f"the column {self.name!r} has {count}: {self.examples}"
        are_amounts = all(is_number(text.strip(UNITS)) for text in list(self.code)[:MAX_NUMBER_NAMES])
        return DataError(problem, PLAIN_NUMBERS if are_amounts else "", columns=self.lists)

    @property
    def examples(self) -> str:
        return ", ".join(repr(text[:30]) for text in list(self.code)[:3]) + ", ..."

    def check(self) -> DataError | None:
        """Refuse numbers or dates with a few other texts among them, and nearly unique text."""
        return self.error or self.check_mixture() or self.check_dates() or self.check_repetition()

    def check_mixture(self) -> DataError | None:
        """Refuse numbers with a few other texts among them, data-entry errors; whole numbers may be names."""
        words = [text for text in self.code if not is_number(text)]
        numbers = [text for text in self.code if is_number(text)]
        quantities = len(numbers) > MAX_NUMBER_NAMES or not all(text.isdigit() for text in numbers)
        if not self.explicit and words and quantities and len(numbers) > len(words):
            return self.unexpected(words[0], "a number")
        return None

    def check_dates(self) -> DataError | None:
        """Refuse dates that are not written alike, or with a few other texts; few dates are categories."""
        if self.explicit or not (self.is_nearly_unique() or len(self.code) > MAX_DATE_NAMES):
            return None
        texts = list(self.code)
        if not any(is_date(text) or has_short_year(text) for text in texts[:MAX_DATE_NAMES]):
            return None
        words = [text for text in texts if not is_date(text)]
        column = f"the column {self.name!r} holds dates"
        if not words:
            problem = f"{column} or times that are not written alike: {self.examples}"
            return DataError(problem, "write all in one way", columns=self.lists)
        if all(map(has_short_year, words[:MAX_DATE_NAMES])):
            problem = f"{column} whose years have two digits: {self.examples}"
            return DataError(problem, "write years with four digits", columns=self.lists)
        return self.unexpected(words[0], "a date or time") if 2 * len(words) < len(texts) else None

    def unexpected(self, text: str, expected: str) -> DataError:
        row = self.describe_row(int((np.concatenate(self.blocks) == self.code[text]).argmax()))
        problem = f"expected {expected} in the column {self.name!r}, got {text[:40]!r} in {row}"
        return DataError(problem, "correct the value", columns=self.lists)

    def is_nearly_unique(self) -> bool:
        """Check whether nearly every row has another text, such as names and identifiers."""
        return len(self.code) > max(10, 0.9 * (sum(map(len, self.blocks)) - self.missing))

    def check_repetition(self) -> DataError | None:
        """Refuse text that is nearly unique."""
        if not self.explicit and self.is_nearly_unique():
            rows = sum(map(len, self.blocks)) - self.missing
            return self.too_many(f"{len(self.code)} distinct values in {rows} rows")
        return None

    @property
    def codes(self) -> Codes:
        """Each row's index of the distinct texts in `code` (N,), -1 if missing."""
        return np.concatenate(self.blocks) if self.blocks else np.empty(0, np.int32)

    def finish(self) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """Return the distinct values in natural order, and each row's index of them (N,), -1 if missing."""
        values = sorted(self.code, key=natural_key)
        rank = np.empty(len(values) + 1, np.int32)
        rank[[self.code[value] for value in values]] = np.arange(len(values))
        rank[-1] = -1
        return tuple(values), rank[self.codes]


def arrange_rows(array: NDArray[Any], first: Rows, second: Rows) -> None:
    """Shorten an array that owns its memory to the rows `first`, then `second`, both sorted, in place.

    So the first rows only move towards the beginning, and only the second ones are copied.
    """
    if len(second) == 0 and len(first) == len(array):
        return
    copied = array[second]
    for start in range(0, len(first), CHUNK):
        rows = first[start : start + CHUNK]
        array[start : start + len(rows)] = array[rows]
    array[len(first) : len(first) + len(second)] = copied
    array.resize((len(first) + len(second), *array.shape[1:]), refcheck=False)


def insert_columns(
    array: NDArray[Any],
    positions: Sequence[int],
    width: int,
    *,
    one_hot: Sequence[tuple[int, Codes]] = (),
    numbers: Sequence[tuple[int, NDArray[np.floating]]] = (),
) -> None:
    """Insert columns between the columns of an array (N, J) that owns its memory.

    These move to `positions` (J,). For each column of categories, `one_hot` has its first position and the
    index of each row's category (N,), -1 of one without an input; `numbers` has positions and columns (N,).
    """
    rows, before = array.shape
    array.resize((rows, width), refcheck=False)
    narrow = array.reshape(-1)[: rows * before].reshape(rows, before)  # the columns as they lie in memory
    for start in reversed(range(0, rows, CHUNK)):  # from the end: a row only moves towards the end
        chunk = slice(start, start + CHUNK)
        moved = narrow[chunk].copy()
        wide = array[chunk]
        wide[:] = 0
        wide[:, list(positions)] = moved
        for position, column in numbers:
            wide[:, position] = column[chunk]
        for first, codes in one_hot:
            set_one_hot(wide, first, codes[chunk])
