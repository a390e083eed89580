"""The columns of a table while it is read: numbers in one array that grows, categories as codes; at the end, all of it in that one array.

Nothing here makes a second copy of the numbers: they are moved where they are. N rows, J columns of numbers, I columns in the end.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows
from nnexp.preprocessing.missing import MISSING, is_number, normalize_text

STEP = 8192  # rows that are moved at once
LARGEST = float(np.finfo(np.float32).max)
FEW_NUMBERS = 20  # among text, so many different ones may be names


class Numbers:
    """Columns of numbers, side by side in one array.

    Args:
        names: of the columns (J,).
        dtype: of the array; float32 to learn from.

    Attributes:
        array: (N, J) after `finish`; NaN where a number is missing.
        missing: (J,) how many.
        low, high: (J,) the smallest and the largest number; inf and -inf in a column without any.
    """

    def __init__(self, names: Sequence[str], dtype: DTypeLike = np.float32) -> None:
        self.names, self.rows = names, 0
        self.array: NDArray[Any] = np.empty((0, len(names)), dtype)
        self.missing = np.zeros(len(names), np.int64)
        self.low, self.high = np.full(len(names), np.inf), np.full(len(names), -np.inf)

    def add(self, columns: Sequence[Any], rows: int) -> tuple[int, int] | None:
        """Append a block of Arrow columns; returns row and column of a number that is infinite or too large, if there is one."""
        if self.rows + rows > len(
            self.array
        ):  # the allocator moves large arrays without copying them, or in few steps
            self.array.resize(
                (max(self.rows + rows, len(self.array) * 17 // 16), len(self.names)), refcheck=False
            )
        part = self.array[self.rows : self.rows + rows]
        with np.errstate(over="ignore"):
            for j, column in enumerate(columns):
                part[:, j] = column.to_numpy(zero_copy_only=False)
        if rows:
            np.fmin(self.low, np.fmin.reduce(part, axis=0), out=self.low)
            np.fmax(self.high, np.fmax.reduce(part, axis=0), out=self.high)
            self.missing += np.isnan(part).sum(axis=0)
        if (self.low < -LARGEST).any() or (self.high > LARGEST).any():
            row, column = np.argwhere(np.abs(part) > LARGEST)[0].tolist()
            return self.rows + row, column
        self.rows += rows
        return None

    def finish(self) -> None:
        """Give back what room is too much."""
        self.array.resize((self.rows, len(self.names)), refcheck=False)

    def constant(self) -> list[str]:
        """The columns that hold no two different numbers."""
        return [name for name, low, high in zip(self.names, self.low, self.high, strict=True) if low >= high]

    def counting(self) -> list[str]:
        """The columns that only count the rows."""
        if self.rows < 10:
            return []
        span = self.array[-1] - self.array[0]
        whole = span == self.rows - 1
        return [
            name for j, name in enumerate(self.names) if whole[j] and (np.diff(self.array[:, j]) == 1).all()
        ]


class Categories:
    """A column of text, as codes of its distinct values.

    Args:
        name: of the column.
        limit: refuse more distinct values than that.
        remedy: what a person can do then.
        place: names the n-th row.
        wanted: a person says that these are categories, whatever they look like.
    """

    def __init__(
        self, name: str, limit: int, remedy: str, place: Callable[[int], str], wanted: bool = False
    ) -> None:
        self.name, self.limit, self.remedy, self.place, self.wanted = name, limit, remedy, place, wanted
        self.code: dict[str, int] = {}
        self.parts: list[NDArray[np.int32]] = []
        self.missing = 0

    def add(self, column: Any) -> None:
        """Append a block, an Arrow column of text.

        Raises:
            DataError: too many distinct values.
        """
        encoded = column.dictionary_encode()
        texts = map(normalize_text, encoded.dictionary.to_pylist())
        known = [-1 if text in MISSING else self.code.setdefault(text, len(self.code)) for text in texts]
        codes = np.array([*known, -1], np.int32)[
            encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)
        ]
        self.missing += int(np.count_nonzero(codes < 0))
        self.parts.append(codes)
        if len(self.code) > self.limit:
            self.check_mixture()
            raise self.refused(f"more than {self.limit:,} different values")

    def refused(self, what: str) -> DataError:
        """That this column cannot be taken as categories."""
        examples = ", ".join(repr(text[:30]) for text in list(self.code)[:3])
        return DataError(f"the column {self.name!r} has {what} ({examples}, ...); {self.remedy}")

    def check_mixture(self) -> None:
        """Refuse amounts with some text among them, which is a slip of the pen; a few whole numbers beside text may be names."""
        words = [text for text in self.code if not is_number(text)]
        numbers = len(self.code) - len(words)
        amounts = numbers > FEW_NUMBERS or any(is_number(text) and not text.isdigit() for text in self.code)
        if not self.wanted and words and amounts and numbers > len(words):
            row = int((np.concatenate(self.parts) == self.code[words[0]]).argmax())
            raise DataError(
                f"the column {self.name!r} holds numbers, and {words[0][:40]!r} in {self.place(row)}; mend it, or {self.remedy}"
            )

    def check_repetition(self) -> None:
        """Refuse text that names its row instead of telling something about it."""
        distinct, rows = len(self.code), sum(map(len, self.parts)) - self.missing
        if not self.wanted and distinct > 10 and distinct > 0.9 * rows:
            raise self.refused(f"{distinct} different values in {rows} rows")

    def finish(self) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """The distinct values in natural order, and the number of each row's value among them (N,); -1 where it is missing."""
        values = sorted(self.code, key=natural)
        rank = np.empty(len(values) + 1, np.int32)
        rank[[self.code[value] for value in values]] = np.arange(len(values))
        rank[-1] = -1
        codes = np.concatenate(self.parts) if self.parts else np.empty(0, np.int32)
        return tuple(values), rank[codes]


def natural(text: str) -> tuple[Any, ...]:
    """Sorts numbers in text by their size: 2 before 10, v2 before v10."""
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return 0, float(text), text
    return 1, [
        (part.isdigit() and part.isascii(), int(part) if part.isdigit() and part.isascii() else 0, part)
        for part in re.split(r"(\d+)", text)
    ]


def arrange(array: NDArray[Any], first: Rows, second: Rows) -> None:
    """Shorten an array that owns its memory to the rows `first`, then the rows `second`, in place.

    Both are sorted; so the first rows only ever move towards the beginning, and only the second ones are set aside.
    """
    if len(second) == 0 and len(first) == len(array):
        return
    aside = array[second]
    for start in range(0, len(first), STEP):
        rows = first[start : start + STEP]
        array[start : start + len(rows)] = array[rows]
    array[len(first) : len(first) + len(second)] = aside
    array.resize((len(first) + len(second), *array.shape[1:]), refcheck=False)


def widen(
    array: NDArray[Any], places: Sequence[int], one_hot: Sequence[tuple[int, NDArray[np.int32]]], width: int
) -> None:
    """Make room between the columns of an array that owns its memory, in place, for categories as columns of 0 and 1.

    Args:
        array: (N, J).
        places: where each of its columns goes (J,).
        one_hot: of each column of categories, where its first column goes, and which of its columns is 1 in each row (N,).
        width: I.
    """
    rows, before = array.shape
    array.resize((rows, width), refcheck=False)
    narrow = array.reshape(-1)[: rows * before].reshape(rows, before)  # the numbers still lie as they did
    for start in reversed(range(0, rows, STEP)):  # from the end: a row only ever moves towards the end
        part = slice(start, start + STEP)
        numbers = narrow[part].copy()
        wide = array[part]
        wide[:] = 0
        wide[:, list(places)] = numbers
        for first, codes in one_hot:
            wide[np.arange(len(wide)), first + codes[part]] = 1
