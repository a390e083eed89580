"""Split rows by ratio or into folds, stratified or by group; an empty split is a `DataError`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError

Labels = NDArray[np.int64]
Rows = NDArray[np.int64]


def stratified_split(y: Labels, ratio: float, rng: np.random.Generator, keep: int = 1) -> tuple[Rows, Rows]:
    """Split rows by ratio within each class; return the rows of both splits, each sorted.

    The second split gets round(ratio * N) rows. Each class gives its share, rounded by largest remainders,
    but keeps at least `keep` rows in the first split; other classes then give more, while they can.
    """
    classes, of_class, counts = np.unique(y, return_inverse=True, return_counts=True)
    shares = counts * ratio
    takes = np.minimum(np.floor(shares).astype(np.int64), counts - keep)
    remaining = min(round(ratio * len(y)), int((counts - keep).sum())) - int(takes.sum())
    for _ in range(remaining):
        remainders = np.where(takes < counts - keep, shares - takes, -np.inf)
        takes[remainders.argmax()] += 1
    chosen = np.zeros(len(y), bool)
    for i in range(len(classes)):
        chosen[rng.permutation(np.flatnonzero(of_class == i))[: takes[i]]] = True
    if not chosen.any():
        problem = f"{ratio:.3g} of {len(y):,} examples in {len(classes)} classes cannot be split off"
        setting = "data.stratify=false" if len(classes) > 1 else ""
        raise DataError(problem, "take a larger ratio or more examples", setting)
    return indices_of_mask(chosen)


def strata(y: NDArray[Any], stratify: bool) -> Labels:
    """Return the classes to stratify by: y (N,) if it holds classes, else the same for all rows."""
    return y if stratify and y.dtype == np.int64 else np.zeros(len(y), np.int64)


def group_split(groups: NDArray[np.int64], ratio: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split rows by ratio without dividing a group.

    In a random order, each of the groups (N,) goes to the second split if that brings it nearer to
    round(ratio * N) rows; at least one group goes and at least one stays.
    """
    _, of_group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        problem = f"{len(groups):,} examples of one group cannot be split without dividing it"
        raise DataError(problem, setting="data.group=null")
    wanted = round(ratio * len(groups))
    chosen = np.zeros(len(sizes), bool)
    size = 0
    for group in rng.permutation(len(sizes)):
        if abs(size + sizes[group] - wanted) < abs(size - wanted) and chosen.sum() < len(sizes) - 1:
            chosen[group] = True
            size += sizes[group]
    if not chosen.any():
        chosen[sizes.argmin()] = True
    return indices_of_mask(chosen[of_group])


def stratified_k_fold(y: Labels, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row (N,): rows in random order, class after class, are assigned round-robin.

    So the folds differ by at most one row, in every class of y (N,) and in total.
    """
    if len(y) < folds:
        raise too_many_folds(folds, len(y), "examples")
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % folds
    return fold


def too_many_folds(folds: int, available: int, of_what: str) -> DataError:
    """Build the error of more folds than there are examples or groups."""
    setting = f"data.folds={available}" if available > 1 else "data.folds=null"
    return DataError(f"data.folds={folds}: there are only {available:,} {of_what}", setting=setting)


def group_k_fold(groups: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each row (N,), one per group: largest groups first, each to the smallest fold."""
    _, of_group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise too_many_folds(folds, len(sizes), "groups, and none is divided")
    order = rng.permutation(len(sizes))
    fold = np.empty(len(sizes), np.int64)
    filled = np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    return fold[of_group]


def indices_of_mask(mask: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Return the rows outside and inside a mask, each sorted."""
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def stratified_subsample(
    rows: Rows, y: NDArray[Any], limit: int | None, rng: np.random.Generator, stratify: bool = True
) -> Rows:
    """Draw at most `limit` rows, with the same ratio of classes; y are those of all rows, or the targets."""
    if limit is None or limit >= len(rows):
        return rows
    _, kept = stratified_split(strata(y[rows], stratify), limit / len(rows), rng, keep=0)
    return rows[kept]
