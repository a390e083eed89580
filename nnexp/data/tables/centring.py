"""Centre columns of numbers in float64 before they are stored in float32, and name those that do not fit.

N rows, J columns.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.splitting import Rows
from nnexp.data.tables.column_buffers import NumberColumns
from nnexp.data.tables.column_statistics import Pair, merged_pair, sampled_pair
from nnexp.preprocessing.scaling import TINY, choose_origin, moments, narrow

ROWS = 1 << 14  # training rows that the origin is chosen from


class Centring:
    """Chooses the origin of each column, and stores again those that need one."""

    def __init__(self, numbers: NumberColumns, training: Rows) -> None:
        self.numbers, self.statistics = numbers, numbers.statistics
        rows = training[:: 1 + len(training) // ROWS]
        self.mean, deviation = moments(numbers.array, rows)  # of rounded numbers
        low, high, whole = self.statistics.low, self.statistics.high, self.statistics.whole
        self.origin = choose_origin(low, high, whole, self.mean, deviation)  # (J,)
        for j in np.flatnonzero(self.origin).tolist():
            if deviation[j] < self.statistics.spacing(j):
                self.mean[j] = self.statistics.mean_near(j, self.mean[j])
                self.origin[j] = np.rint(self.mean[j]) if whole[j] else self.mean[j]
        for noisy in np.flatnonzero(self.statistics.constant & (low < high)):
            column = numbers.array[:, noisy]
            column[~np.isnan(column)] = low[noisy]
        self.merged: dict[int, Pair] = {}  # by column, two numbers that become one
        self.whole: dict[int, list[NDArray[np.float64]]] = {}  # by column, numbers that may do so
        for j in range(len(numbers.names)):
            if self.statistics.constant[j]:
                continue
            if high[j] - low[j] < TINY:
                self.merged[j] = float(low[j]), float(high[j])
            elif pair := sampled_pair(self.statistics.sample(j), self.origin[j], self.mean[j]):
                self.merged[j] = pair
            elif self.statistics.may_merge(j, self.origin[j]):
                self.whole[j] = []

        self.columns = sorted({*np.flatnonzero(self.origin).tolist(), *self.whole})  # to read again

    def store(self, blocks: Iterable[Sequence[Any]]) -> None:
        """Store the blocks of Arrow columns `columns`, less their origin."""
        start = 0
        for block in blocks:
            for j, column in zip(self.columns, block, strict=True):
                numbers = column.to_numpy(zero_copy_only=False)
                self.numbers.array[start : start + len(numbers), j] = narrow(numbers, self.origin[j])
                if j in self.whole:
                    self.compare(j, numbers[~np.isnan(numbers)])
            start += len(block[0])
        for j, blocks_of_column in self.whole.items():
            if j not in self.merged and (pair := self.merged_pair(j, np.concatenate(blocks_of_column))):
                self.merged[j] = pair

    def compare(self, j: int, numbers: NDArray[np.float64]) -> None:
        """Search a block of the j-th column for numbers that merge; keep it if there are none so far."""
        if j not in self.merged:
            self.whole[j].append(numbers)
            if pair := self.merged_pair(j, numbers):
                self.merged[j] = pair
                self.whole[j].clear()

    @property
    def merged_columns(self) -> dict[str, Pair]:
        """Columns with different numbers that become one, each with an example."""
        return {self.numbers.names[j]: pair for j, pair in sorted(self.merged.items())}

    @property
    def coarse_columns(self) -> dict[str, float]:
        """Columns whose numbers even float64 rounds by much of their deviation: its steps there."""
        varying = np.flatnonzero(~self.statistics.constant).tolist()
        steps = {self.numbers.names[j]: self.statistics.coarse_step(j) for j in varying}
        return {name: step for name, step in steps.items() if step}

    def merged_pair(self, j: int, numbers: NDArray[np.float64]) -> Pair | None:
        return merged_pair(numbers, self.origin[j], self.mean[j])
