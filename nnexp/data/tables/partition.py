"""Which rows of a table train and which only test: by a column of the file, or drawn once for all runs.

N rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows, by_ratio, group_split, stratified
from nnexp.data.tables.column_buffers import Categories

TEST_SEED = 0
"""The test rows are drawn with it: every run, whatever its seed, is tested on the same rows."""
TRAINING, VALIDATION, TEST = range(3)
WORDS = {
    "train": TRAINING,
    "training": TRAINING,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
PARTS = ("training", "validation", "test")


@dataclass(frozen=True)
class Groups:
    """The group of each row, as a number (N,), and the groups' names; -1 is that of rows which name none."""

    names: tuple[str, ...]
    of_row: NDArray[np.int64]


def part_of_rows(mark: Categories) -> NDArray[np.int8]:
    """TRAINING, VALIDATION or TEST for each row (N,), as its column says.

    Raises:
        DataError: it says something else, or nothing.
    """
    values, codes = mark.finish()
    if unknown := [value for value in values if value.lower() not in WORDS]:
        raise DataError(
            f"the column {mark.name!r} says {unknown[0]!r}; data.split names a column that says {', '.join(WORDS)}"
        )
    if mark.missing:
        where = mark.place(int((codes < 0).argmax()))
        raise DataError(
            f"the column {mark.name!r} says nothing in {where}; say train, validation or test there"
        )
    return np.array([WORDS[value.lower()] for value in values], np.int8)[codes]


def named_parts(
    part: NDArray[np.int8], rows: Rows, name: str, groups: Groups | None
) -> tuple[Rows, Rows, NDArray[np.bool_] | None]:
    """Of `rows`, those that train or validate, those that test, and which of all rows validate (N,), if any do.

    Raises:
        DataError: none train, or a group lies in two parts.
    """
    if not (part[rows] == TRAINING).any():
        raise DataError(f"the column {name!r} leaves no rows to train; say train in some")
    if groups is not None:
        first: dict[int, int] = {}
        for group, one in np.unique(np.column_stack([groups.of_row[rows], part[rows]]), axis=0).tolist():
            if first.setdefault(group, one) != one:
                who = repr(groups.names[group]) if group >= 0 else "of rows that name none"
                raise DataError(
                    f"the group {who} is in {PARTS[first[group]]} and in {PARTS[one]}; mend the column {name!r}, or data.group=null"
                )
    assigned = part == VALIDATION
    return rows[part[rows] != TEST], rows[part[rows] == TEST], assigned if assigned[rows].any() else None


def drawn_test(rows: Rows, ratio: float, y: NDArray[Any], groups: Groups | None, stratify: bool) -> Rows:
    """Those of the rows that are to test, always the same: whole groups, or the same part of each class.

    Args:
        rows: to draw from.
        ratio: of the test rows.
        y: the class of each row, or its targets.
        groups: that are not to be divided.
        stratify: whether each class gives the same part.
    """
    rng = np.random.default_rng(TEST_SEED)
    if groups is not None:
        _, chosen = group_split(groups.of_row[rows], ratio, rng)
    elif stratify and y.dtype == np.int64:
        _, chosen = stratified(y[rows], ratio, rng)
    else:
        _, chosen = by_ratio(len(rows), ratio, rng)
    return rows[chosen]
