"""Partition the N rows of a table into training, validation and test: by a column, or at random."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows, group_split, strata, stratified_split
from nnexp.data.tables.column_buffers import CategoryColumn

TEST_SEED = 0  # the drawn test rows are the same in every run, whatever its seed
TRAINING, VALIDATION, TEST = range(3)
SPLITS = ("training", "validation", "test")
SPLIT_OF = {
    **dict.fromkeys(("train", "training"), TRAINING),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}


@dataclass(frozen=True)
class Groups:
    """The group of each row, as an index (N,), and the groups' names; -1 where no group is named."""

    names: tuple[str, ...]
    of_row: NDArray[np.int64]


def read_splits(column: CategoryColumn) -> NDArray[np.int8]:
    """Return TRAINING, VALIDATION or TEST for each row (N,) by the column of `data.split`."""
    values, codes = column.finish()
    if unknown := [value for value in values if value.lower() not in SPLIT_OF]:
        problem = f"expected one of {', '.join(SPLIT_OF)} in the column {column.name!r}, got {unknown[0]!r}"
        raise DataError(problem, "correct the column", "data.split=null")
    if column.missing:
        row = column.describe_row(int((codes < 0).argmax()))
        raise DataError(f"the column {column.name!r} is empty in {row}", "write train, validation or test")
    return np.array([SPLIT_OF[value.lower()] for value in values], np.int8)[codes]


def check_splits(split: NDArray[np.int8], rows: Rows, name: str, groups: Groups | None) -> None:
    """Require training rows, and each group in one split; raise a `DataError` otherwise."""
    if not (split[rows] == TRAINING).any():
        raise DataError(f"the column {name!r} names no training rows", "write train in some")
    if groups is None:
        return
    first: dict[int, int] = {}
    for group, of_group in np.unique(np.column_stack([groups.of_row[rows], split[rows]]), axis=0).tolist():
        if first.setdefault(group, of_group) != of_group:
            which = repr(groups.names[group]) if group >= 0 else "of rows that name none"
            problem = f"the group {which} is in {SPLITS[first[group]]} and in {SPLITS[of_group]}"
            raise DataError(problem, f"correct the column {name!r}", "data.group=null")


def draw_test(rows: Rows, ratio: float, y: NDArray[Any], groups: Groups | None, stratify: bool) -> Rows:
    """Draw test rows from `rows`, always the same: whole groups, or the same ratio of each class."""
    rng = np.random.default_rng(TEST_SEED)
    if groups is not None:
        _, chosen = group_split(groups.of_row[rows], ratio, rng)
    else:
        _, chosen = stratified_split(strata(y[rows], stratify), ratio, rng)
    return rows[chosen]
