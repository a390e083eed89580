"""Splitting rows: by ratio or into folds, with the same mixture of classes in every part, or with groups kept together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError

Labels = NDArray[np.int64]
Rows = NDArray[np.int64]


def stratified(y: Labels, ratio: float, rng: np.random.Generator, left: int = 1) -> tuple[Rows, Rows]:
    """Split rows by ratio within each class.

    The second part gets round(ratio * N) rows; each class gives its share, rounded so that the shares add up (largest
    remainder), but keeps at least `left` rows in the first part; others give more then, as long as they can.

    Args:
        y: the class of each row (N,).
        ratio: of the second part.
        rng: draws which rows.
        left: the rows of each class that stay in the first part.

    Returns:
        The rows of both parts, each sorted.

    Raises:
        DataError: one part would be empty.
    """
    classes, of_class, counts = np.unique(y, return_inverse=True, return_counts=True)
    shares = counts * ratio
    takes = np.minimum(np.floor(shares).astype(np.int64), counts - left)
    wanting = min(round(ratio * len(y)), int((counts - left).sum())) - int(takes.sum())
    while wanting > 0:
        lacking = np.where(
            takes < counts - left, shares - takes, -np.inf
        )  # what each class lacks of its share, if it can give more
        takes[lacking.argmax()] += 1
        wanting -= 1
    chosen = np.zeros(len(y), bool)
    for i in range(len(classes)):
        chosen[rng.permutation(np.flatnonzero(of_class == i))[: takes[i]]] = True
    if not chosen.any():
        remedy = "take a larger ratio or more examples" + (
            ", or data.stratify=false" if len(classes) > 1 else ""
        )
        each = " of each class" if len(classes) > 1 else ""
        raise DataError(
            f"{ratio:.3g} of {len(y):,} examples cannot be split off so that at least one{each} is left: {remedy}"
        )
    return indices_of_mask(chosen)


def by_ratio(n: int, ratio: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split n rows by ratio, whatever they are; the second part gets round(ratio * n), but never all.

    Raises:
        DataError: one part would be empty.
    """
    return stratified(np.zeros(n, np.int64), ratio, rng)


def group_split(groups: NDArray[np.int64], ratio: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split rows by ratio without dividing a group.

    Groups go to the second part in a drawn order, each if the part comes nearer to round(ratio * N) rows by it; at least one
    group goes and at least one stays.

    Args:
        groups: of each row (N,).
        ratio: of the second part.
        rng: draws which groups.

    Raises:
        DataError: there is only one group.
    """
    _, of_group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise DataError(
            f"{len(groups):,} examples of {len(sizes)} group cannot be split without dividing a group: data.group=null"
        )
    wanted, taken = round(ratio * len(groups)), np.zeros(len(sizes), bool)
    size = 0
    for group in rng.permutation(len(sizes)):
        if abs(size + sizes[group] - wanted) < abs(size - wanted) and taken.sum() < len(sizes) - 1:
            taken[group] = True
            size += sizes[group]
    if not taken.any():
        taken[sizes.argmin()] = True
    return indices_of_mask(taken[of_group])


def stratified_k_fold(y: Labels, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row (N,): the rows of each class in a drawn order, dealt like cards, one class after the other.

    So the folds differ by at most one row, in every class and altogether.

    Args:
        y: the class of each row (N,); all the same for no mixture in particular.
        folds: how many.
        rng: draws the order.

    Raises:
        DataError: a fold would be empty.
    """
    if len(y) < folds:
        raise DataError(f"data.folds={folds}: there are only {len(y):,} examples")
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % folds
    return fold


def group_k_fold(groups: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row (N,), the same for all rows of a group: the largest groups first, each to the smallest fold.

    Raises:
        DataError: there are fewer groups than folds.
    """
    _, of_group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise DataError(f"data.folds={folds}: there are only {len(sizes)} groups, and none is divided")
    order = rng.permutation(len(sizes))
    fold, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    return fold[of_group]


def indices_of_mask(second: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """The rows outside and inside a mask, each sorted."""
    return np.flatnonzero(~second), np.flatnonzero(second)


def stratified_subsample(
    rows: Rows, y: NDArray[Any], limit: int | None, rng: np.random.Generator, stratify: bool = True
) -> Rows:
    """At most `limit` of the rows, with the same mixture of classes.

    Args:
        rows: of the data set.
        y: the class of every row of the data set, or its targets.
        limit: None for all.
        rng: draws which.
        stratify: whether the mixture matters.
    """
    if limit is None or limit >= len(rows):
        return rows
    classes = y[rows] if stratify and y.dtype == np.int64 else np.zeros(len(rows), np.int64)
    _, kept = stratified(classes, limit / len(rows), rng, left=0)
    return rows[kept]
