"""How numbers are spread, record after record: counts in equal bins, kept for a bounded number of records.

R records that are kept, B bins.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int32]
Edges = NDArray[np.float64]
BINS = 64
MOST = 200  # records
HUGE = 1e300  # beyond which the width of a bin might be no number


class Histograms:
    """A row of histograms under each name, on an even grid of records: whenever there are too many, every second one goes.

    Args:
        most: the records that are kept at once, at most.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most, self.stride, self.seen = most, 1, 0
        self.kept: list[tuple[int, dict[str, tuple[Counts, Edges]]]] = []

    def is_wanted(self) -> bool:
        """Whether the next record lies on the grid; to be asked once for each."""
        self.seen += 1
        return (self.seen - 1) % self.stride == 0

    def add(self, at: int, values: Mapping[str, NDArray[np.floating]]) -> None:
        """Keep how the values under each name are spread at that epoch or step."""
        self.kept.append((at, {name: spread(numbers) for name, numbers in values.items()}))
        if len(self.kept) > self.most:
            self.kept = self.kept[::2]
            self.stride *= 2

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `np.savez` takes: "steps" (R,), and for each name "name/counts" (R, B) and "name/edges" (R, B + 1)."""
        if not self.kept:
            return {}
        found: dict[str, NDArray[Any]] = {"steps": np.array([at for at, _ in self.kept], np.int64)}
        for name in self.kept[0][1]:
            found[f"{name}/counts"] = np.stack([of_record[name][0] for _, of_record in self.kept])
            found[f"{name}/edges"] = np.stack([of_record[name][1] for _, of_record in self.kept])
        return found


def spread(values: NDArray[np.floating]) -> tuple[Counts, Edges]:
    """Counts (B,) and edges (B + 1,) from the least to the largest; what is no finite number is in no bin."""
    numbers = values.astype(np.float64)
    numbers = numbers[np.abs(numbers) < HUGE]
    if not numbers.size:
        return np.zeros(BINS, np.int32), np.linspace(0, 1, BINS + 1)
    low, high = float(numbers.min()), float(numbers.max())
    if high - low <= max(abs(low) * 1e-12, 1 / HUGE):  # all the same: a bin in the midst has them
        margin = max(abs(low), 1.0) / 2
        low, high = low - margin, high + margin
    numbers -= low
    numbers /= high - low
    numbers *= BINS
    places = np.minimum(numbers.astype(np.intp), BINS - 1)
    return np.bincount(places, minlength=BINS).astype(np.int32), np.linspace(low, high, BINS + 1)


def thinning(size: int, outputs: int, most: int) -> int:
    """The stride that leaves at most so many of the numbers in a matrix (I, O); none that would meet the same outputs in every row."""
    stride = -(-size // most)
    while np.gcd(stride, outputs) > 1:
        stride += 1
    return stride
