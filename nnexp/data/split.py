"""Splitting rows in two, with the same mixture of classes in both parts."""

import numpy as np
from numpy.typing import NDArray

from nnexp.data.dataset import DataError, Labels

Rows = NDArray[np.int64]


def stratified(y: Labels, ratio: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Split rows by ratio within each class.

    The second part gets round(ratio * N) rows; each class gives its share, rounded so that the shares add up (largest
    remainder), but keeps at least one row in the first part; others give more then, as long as they can.

    Args:
        y: the class of each row (N,).
        ratio: of the second part.
        rng: draws which rows.

    Returns:
        The rows of both parts, each sorted.

    Raises:
        DataError: one part would be empty.
    """
    classes, of_class, counts = np.unique(y, return_inverse=True, return_counts=True)
    shares = counts * ratio
    takes = np.minimum(np.floor(shares).astype(np.int64), counts - 1)
    wanting = min(round(ratio * len(y)), int((counts - 1).sum())) - int(takes.sum())
    while wanting > 0:
        lacking = np.where(takes < counts - 1, shares - takes, -np.inf)  # what each class lacks of its share, if it can give more
        takes[lacking.argmax()] += 1
        wanting -= 1
    chosen = np.zeros(len(y), bool)
    for i in range(len(classes)):
        chosen[rng.permutation(np.flatnonzero(of_class == i))[: takes[i]]] = True
    if not chosen.any():
        raise DataError(f"a part of {ratio:.3g} of {len(y):,} examples would be empty: take more")
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def thinned(rows: Rows, y: Labels, limit: int | None, rng: np.random.Generator) -> Rows:
    """At most `limit` of the rows, with the same mixture of classes.

    Args:
        rows: of the data set.
        y: the class of every row of the data set.
        limit: None for all.
        rng: draws which.
    """
    if limit is None or limit >= len(rows):
        return rows
    _, kept = stratified(y[rows], limit / len(rows), rng)
    return rows[kept]
