"""Runs as an array over the levels of some params and their repeats."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from nnexp.analysis.levels import MAX_LEVELS, Levels, levels_of
from nnexp.analysis.run_group import RunGroup

MAX_CELLS = 100_000


@dataclass(frozen=True)
class Grid:
    """Means of the runs of each combination of levels, and each repeat."""

    levels: tuple[Levels, ...]
    values: NDArray[np.float64]  # (levels of the first param, ..., repeats); NaN: no result
    counts: NDArray[np.int64]  # of runs with a result, without the axis of repeats

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean of each combination; NaN: it has no result."""
        known = ~np.isnan(self.values)
        n = known.sum(axis=-1)
        total = np.where(known, self.values, 0.0).sum(axis=-1)
        return np.where(n > 0, total / np.maximum(n, 1), np.nan)

    @property
    def is_full(self) -> bool:
        """Whether every combination has a result, and no level is a range of values."""
        return bool((self.counts > 0).all()) and not any(levels.are_ranges for levels in self.levels)

    @property
    def is_balanced(self) -> bool:
        """Whether every combination has a result of every repeat, and there are several."""
        return self.values.shape[-1] > 1 and not np.isnan(self.values).any()


def grid_of(group: RunGroup, keys: tuple[str, ...], max_levels: int = MAX_LEVELS) -> Grid | None:
    """Arrange the results of a group by the levels of params; None: too many combinations, or no results."""
    rows = [
        row for row in group.rows if group.value(row) is not None and all(key in row.params for key in keys)
    ]
    levels = tuple(levels_of(rows, key, max_levels) for key in keys)
    cells = [tuple(each.level_of[row.params[each.key]] for each in levels) for row in rows]
    repeats = [group.repeat(row) for row in rows] if group.has_seeds else _occurrences(cells)
    places = {repeat: index for index, repeat in enumerate(dict.fromkeys(repeats))}
    shape = (*(len(each.names) for each in levels), len(places))
    if not rows or prod(shape) > MAX_CELLS:
        return None
    total = np.zeros(shape)
    counts = np.zeros(shape, np.int64)
    for row, cell, repeat in zip(rows, cells, repeats, strict=True):
        total[(*cell, places[repeat])] += group.value(row) or 0.0
        counts[(*cell, places[repeat])] += 1
    values = np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
    return Grid(levels, values, counts.sum(axis=-1))


def _occurrences(cells: Sequence[tuple[int, ...]]) -> list[tuple[str, ...]]:
    """Number the runs of each combination, where no seeds distinguish them."""
    seen: Counter[tuple[int, ...]] = Counter()
    numbers: list[tuple[str, ...]] = []
    for cell in cells:
        numbers.append((str(seen[cell]),))
        seen[cell] += 1
    return numbers
