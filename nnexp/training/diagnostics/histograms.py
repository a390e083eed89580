"""Histograms of arrays, record after record: counts in equal bins, kept for a bounded number of records.

R records that are kept, B bins.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int32]
Edges = NDArray[np.float64]
BINS = 64
MAX_RECORDS = 200
HUGE = 1e300  # beyond it the width of a bin overflows


class Histograms:
    """Histograms of named arrays on an even grid of records; of too many, every second one is dropped.

    Args:
        max_records: that are kept at once.
    """

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self.max_records = max_records
        self.stride = 1
        self.count = 0
        self.records: list[tuple[int, dict[str, tuple[Counts, Edges]]]] = []

    def add(self, at: int, values: Iterable[tuple[str, NDArray[np.floating]]]) -> None:
        """Add the histograms of one record, if it lies on the grid; else `values` is not iterated."""
        self.count += 1
        if (self.count - 1) % self.stride:
            return
        self.records.append((at, {name: histogram(array) for name, array in values}))
        if len(self.records) > self.max_records:
            self.records = self.records[::2]
            self.stride *= 2

    def state_dict(self) -> dict[str, Any]:
        """Return the state: all histograms, and the position on the grid."""
        names = list(self.records[0][1]) if self.records else []
        return self.arrays() | {"stride": self.stride, "count": self.count, "names": names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.stride = state["stride"]
        self.count = state["count"]
        self.records = []
        for i, at in enumerate(state.get("steps", ())):
            named = {name: (state[f"{name}/counts"][i], state[f"{name}/edges"][i]) for name in state["names"]}
            self.records.append((int(at), named))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return for `np.savez` "steps" (R,), and "<name>/counts" (R, B) and "<name>/edges" (R, B + 1)."""
        if not self.records:
            return {}
        arrays: dict[str, NDArray[Any]] = {"steps": np.array([at for at, _ in self.records], np.int64)}
        for name in self.records[0][1]:
            arrays[f"{name}/counts"] = np.stack([of_record[name][0] for _, of_record in self.records])
            arrays[f"{name}/edges"] = np.stack([of_record[name][1] for _, of_record in self.records])
        return arrays


def histogram(values: NDArray[np.floating]) -> tuple[Counts, Edges]:
    """Return counts (B,) and edges (B + 1,) from the minimum to the maximum, without NaN and infinity."""
    values = values.astype(np.float64)
    values = values[np.abs(values) < HUGE]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if high - low <= max(abs(low) * 1e-12, 1 / HUGE):  # all the same: in the bin in the middle
        margin = max(abs(low), 1.0) / 2
        low = low - margin
        high = high + margin
    counts, edges = np.histogram(values, BINS, (low, high))
    return counts.astype(np.int32), edges


def thinning_stride(size: int, outputs: int, max_values: int) -> int:
    """Return a stride that leaves at most so many values of a matrix (I, O) and meets every output alike."""
    stride = -(-size // max_values)
    while np.gcd(stride, outputs) > 1:
        stride += 1
    return stride
