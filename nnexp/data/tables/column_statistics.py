"""Statistics of columns of numbers in float64, from which it is decided how float32 can hold them.

J columns, n rows of a block.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import listed
from nnexp.preprocessing.scaling import EXACT_FLOAT32, EXACT_FLOAT64, PRECISION, is_constant

GROUP = 32  # columns that are looked at together
SAMPLE = 256  # numbers of a column that are kept before the sample gets sparser
MERGED = 0.01  # of a sample's distinct numbers: more that merge are a problem
Pair = tuple[float, float]


class ColumnStatistics:
    """The range of each column, whether its numbers are whole, and a sample of them."""

    def __init__(self, columns: int) -> None:
        self.low = np.full(columns, np.inf)  # the smallest number of each column; inf in an empty one
        self.high = np.full(columns, -np.inf)
        self.missing = np.zeros(columns, np.int64)
        self.whole = np.ones(columns, bool)
        self.rows = np.zeros(columns, np.int64)
        self.samples: list[list[NDArray[np.float64]]] = [[] for _ in range(-(-columns // GROUP))]
        self.rng = np.random.default_rng(0)

    def add(self, numbers: NDArray[np.float64], first: int = 0) -> None:
        """Add a block (G, n) of at most GROUP columns from the first on; a missing number is NaN."""
        rows = numbers.shape[1]
        if not rows:
            return
        columns = slice(first, first + len(numbers))
        low, high = numbers.min(axis=1), numbers.max(axis=1)  # NaN if any is
        if (incomplete := np.isnan(low)).any():
            self.missing[columns][incomplete] += np.isnan(numbers[incomplete]).sum(axis=1)
            low, high = np.fmin.reduce(numbers, axis=1), np.fmax.reduce(numbers, axis=1)
        np.fmin(self.low[columns], low, out=self.low[columns])
        np.fmax(self.high[columns], high, out=self.high[columns])
        candidates = np.flatnonzero(self.whole[columns])
        checked = numbers[candidates]
        is_whole = np.rint(checked) == checked
        self.whole[first + candidates] = (is_whole | np.isnan(checked)).all(axis=1)
        self.rows[columns] += rows
        step = 1 + int(self.rows[first]) // SAMPLE
        drawn = slice(None) if step == 1 else self.rng.integers(0, rows, -(-rows // step))  # no fixed period
        self.samples[first // GROUP].append(numbers[:, drawn].copy())

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which columns hold no two different numbers, (J,)."""
        return is_constant(self.low, self.high, self.whole)

    def may_merge(self, j: int, origin: float) -> bool:
        """Check whether whole numbers of a column exceed those that float32 holds exactly."""
        farthest = max(self.high[j] - origin, origin - self.low[j])
        return bool(self.whole[j] and farthest > EXACT_FLOAT32 and self.largest(j) <= EXACT_FLOAT64)

    def largest(self, j: int) -> float:
        """Return the largest absolute number of a column; 0 in an empty one."""
        return float(max(-self.low[j], self.high[j], 0))

    def sample(self, j: int) -> NDArray[np.float64]:
        """Return some numbers of a column, all of a short one."""
        blocks = [block[j % GROUP] for block in self.samples[j // GROUP]]
        sample: NDArray[np.float64] = np.concatenate([*blocks, np.empty(0)])
        present: NDArray[np.float64] = sample[~np.isnan(sample)]
        return present

    def spacing(self, j: int) -> float:
        """Return the distance between neighbours in float32 at the largest number of a column."""
        return float(np.spacing(np.float32(self.largest(j))))

    def coarse_step(self, j: int) -> float:
        """Return the step of numbers that float64 rounds by much of their deviation; 0 for others."""
        largest = self.largest(j)
        step = float(np.spacing(largest))
        is_exact = bool(self.whole[j]) and largest <= EXACT_FLOAT64
        return 0.0 if is_exact or step <= PRECISION * self.sample(j).std() else step

    def mean_near(self, j: int, rounded: float) -> float:
        """Return the mean of the numbers of a column that rounding to float32 has moved to `rounded`."""
        sample = self.sample(j)
        near = sample[np.abs(sample - rounded) <= self.spacing(j)]
        return float(near.mean()) if len(near) else rounded


def sampled_pair(sample: NDArray[np.float64], origin: float, mean: float) -> Pair | None:
    """Return two numbers of a sample (n,) that become one; None if few do."""
    distinct = np.unique(sample)
    same = merged_with_next(distinct, origin, mean)
    return _pair(distinct, same) if same.sum() > MERGED * len(distinct) else None


def describe_steps(steps: Mapping[str, float]) -> list[str]:
    """Return a note about columns whose numbers float64 rounds, with their steps; none if there are none."""
    named = listed([f"{name} ({step:g})" for name, step in steps.items()])
    remedy = "fix: subtract a common number from all of them in the file"
    return [f"numbers have only these steps in float64: {named}; {remedy}"] if steps else []


def describe_pair(name: str, pair: Pair) -> str:
    """Name a column with two of its numbers."""
    one, two = (f"{number:.0f}" if number.is_integer() else f"{number:.17g}" for number in pair)
    return f"{name} ({one} and {two})"


def merged_with_next(distinct: NDArray[np.float64], origin: float, mean: float) -> NDArray[np.bool_]:
    """Return which of the sorted numbers (n,) equal their successors after centring in float32, (n - 1,)."""
    with np.errstate(over="ignore"):
        centred = (distinct - origin).astype(np.float32) - np.float32(mean - origin)
    return np.asarray(centred[1:] == centred[:-1])


def merged_pair(numbers: NDArray[np.float64], origin: float, mean: float) -> Pair | None:
    """Return two of the numbers (n,) that become one when they are centred in float32; None if none do."""
    distinct = np.unique(numbers)
    return _pair(distinct, merged_with_next(distinct, origin, mean))


def _pair(distinct: NDArray[np.float64], same: NDArray[np.bool_]) -> Pair | None:
    if not same.any():
        return None
    i = int(same.argmax())
    return float(distinct[i]), float(distinct[i + 1])
