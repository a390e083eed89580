"""Statistics of columns of numbers in float64, from which it is decided how float32 can hold them.

J columns, n numbers of a block.
"""

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.scaling import EXACT_FLOAT32, EXACT_FLOAT64, is_constant

SAMPLE = 256  # numbers of a column that are kept before the sample gets sparser
MERGED = 0.01  # of a sample's distinct numbers: more that merge are a problem
Pair = tuple[float, float]


class ColumnStatistics:
    """The range of each column, whether its numbers are whole, and a sample of them."""

    def __init__(self, columns: int) -> None:
        self.low = np.full(columns, np.inf)  # the smallest number of each column; inf in an empty one
        self.high = np.full(columns, -np.inf)
        self.whole = np.ones(columns, bool)
        self.count = np.zeros(columns, np.int64)
        self.rng = np.random.default_rng(0)
        self.samples: list[list[NDArray[np.float64]]] = [[] for _ in range(columns)]

    def add(self, j: int, numbers: NDArray[np.float64]) -> int:
        """Add a block (n,) of the j-th column; return how many are missing (NaN)."""
        if not len(numbers):
            return 0
        present = numbers
        low = numbers.min()  # NaN if any is
        if np.isnan(low):
            present = numbers[~np.isnan(numbers)]
            low = present.min(initial=np.inf)
        self.low[j] = min(self.low[j], low)
        self.high[j] = max(self.high[j], present.max(initial=-np.inf))
        self.whole[j] = self.whole[j] and (present == np.rint(present)).all()
        self.count[j] += len(present)
        self.samples[j].append(self.draw(present, 1 + int(self.count[j]) // SAMPLE))
        return len(numbers) - len(present)

    def draw(self, numbers: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """Draw one of `step` numbers at random: rows may be in a periodic order."""
        size = -(-len(numbers) // step)
        return numbers.copy() if step == 1 else numbers[self.rng.integers(0, len(numbers), size)]

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
        return np.concatenate([*self.samples[j], np.empty(0)])

    def spacing(self, j: int, dtype: type[np.floating]) -> float:
        """Return the distance between neighbours of that type at the largest number of a column."""
        return float(np.spacing(dtype(self.largest(j))))

    def mean_near(self, j: int, rounded: float) -> float:
        """Return the mean of the numbers of a column that rounding to float32 has moved to `rounded`."""
        sample = self.sample(j)
        near = sample[np.abs(sample - rounded) <= self.spacing(j, np.float32)]
        return float(near.mean()) if len(near) else rounded


def sampled_pair(sample: NDArray[np.float64], origin: float, mean: float) -> Pair | None:
    """Return two numbers of a sample (n,) that become one; None if few do."""
    distinct = np.unique(sample)
    same = merged_with_next(distinct, origin, mean)
    return _pair(distinct, same) if same.sum() > MERGED * len(distinct) else None


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
