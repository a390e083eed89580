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
from nnexp.preprocessing.scaling import EXACT_FLOAT64, TINY, choose_origin, moments, narrow

ROWS = 1 << 14  # training rows that the origin is chosen from


class Centring:
    """Chooses the origin of each column, and stores again those that need one."""

    def __init__(self, numbers: NumberColumns, training: Rows) -> None:
        self.numbers, self.statistics = numbers, numbers.statistics
        self.mean, self.origin = self.choose(training[:: 1 + len(training) // ROWS])  # (J,)
        self.flatten_noise()
        self.merged: dict[int, Pair] = {}  # by column, two numbers that become one
        self.unsuitable: list[str] = []  # columns of which many do
        self.whole: dict[int, list[NDArray[np.float64]]] = {}  # by column, numbers that may do so
        for j in np.flatnonzero(~self.statistics.constant).tolist():
            if pair := self.sampled_pair(j):
                self.merged[j] = pair
                self.unsuitable.append(numbers.names[j])
            elif self.statistics.may_merge(j, self.origin[j]):
                self.whole[j] = []
        self.columns = sorted({*np.flatnonzero(self.origin).tolist(), *self.whole})  # to read again

    def choose(self, rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and origin of each column, from its numbers as float32 has rounded them."""
        statistics = self.statistics
        mean, deviation = moments(self.numbers.array, rows)
        origin = choose_origin(statistics.low, statistics.high, statistics.whole, mean, deviation)
        for j in np.flatnonzero(origin).tolist():
            if deviation[j] < statistics.spacing(j):  # the mean too is rounded by much of the deviation
                mean[j] = statistics.mean_near(j, mean[j])
                origin[j] = np.rint(mean[j]) if statistics.whole[j] else mean[j]
        return mean, origin

    def flatten_noise(self) -> None:
        """Store one number in columns that are constant but for rounding."""
        statistics = self.statistics
        for j in np.flatnonzero(statistics.constant & (statistics.low < statistics.high)):
            column = self.numbers.array[:, j]
            column[~np.isnan(column)] = statistics.low[j]

    def sampled_pair(self, j: int) -> Pair | None:
        """Return two numbers of a column that become one; None if few of its sample do."""
        low, high = float(self.statistics.low[j]), float(self.statistics.high[j])
        if high - low < TINY:
            return low, high
        return sampled_pair(self.statistics.sample(j), self.origin[j], self.mean[j])

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
        statistics = self.statistics
        seem_equal = statistics.constant & (np.abs(statistics.low) > EXACT_FLOAT64)  # perhaps by rounding
        columns = np.flatnonzero(~statistics.constant | seem_equal).tolist()
        steps = {self.numbers.names[j]: statistics.coarse_step(j) for j in columns}
        return {name: step for name, step in steps.items() if step}

    def merged_pair(self, j: int, numbers: NDArray[np.float64]) -> Pair | None:
        return merged_pair(numbers, self.origin[j], self.mean[j])
