"""Columns of any unit brought to mean 0 and deviation 1, by numbers that were measured on training rows only.

N rows, I columns, T targets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows

Array = NDArray[np.floating]
STEP = 8192  # rows that are looked at at once
FLAT = 1e-8  # a column that deviates less than this part of its mean is constant: float32 tells no less
TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Standardization:
    """x becomes (x - shift) * factor, and a missing number becomes 0, the training mean.

    Attributes:
        shift: (I,) float64: the mean; 0 for columns that stay as they are.
        factor: (I,) float64: 1 / deviation; 1 for columns that stay as they are, 0 for constant ones.
    """

    shift: NDArray[np.float64]
    factor: NDArray[np.float64]

    @classmethod
    def fit(cls, x: NDArray[Any], rows: Rows, numeric: NDArray[np.bool_]) -> "Standardization":
        """Measure the columns `numeric` (I,) of x (N, I) on `rows`; missing numbers (NaN) do not count.

        A constant column gets the factor 0, so that it says nothing, in validation and test too.
        """
        mean, deviation = moments(x, rows)
        varies = deviation > np.maximum(FLAT * np.abs(mean), TINY)
        factor = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varies)
        return cls(np.where(numeric, mean, 0.0), np.where(numeric, factor, 1.0))


@dataclass(frozen=True)
class TargetScale:
    """The targets of a regression, standardised for the network and brought back for people.

    Attributes:
        mean, deviation: (T,) float64, of the training rows; a constant target has the deviation 1.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def fit(cls, y: NDArray[Any], rows: Rows) -> "TargetScale":
        """Measure the targets y (N, T) on `rows`."""
        mean, deviation = moments(y, rows)
        varies = deviation > np.maximum(FLAT * np.abs(mean), TINY)
        return cls(mean, np.where(varies, deviation, 1.0))

    def restore(self, z: Array) -> Array:
        """Predictions (B, T) in the unit of the targets."""
        restored: Array = z * self.deviation.astype(z.dtype) + self.mean.astype(z.dtype)
        return restored


def scaling(dataset: Dataset, rows: Rows) -> float | Standardization:
    """What brings a data set's stored numbers to a network: fitted on its training rows, or a plain factor."""
    return dataset.scale if dataset.numeric is None else Standardization.fit(dataset.x, rows, dataset.numeric)


def target_scale(dataset: Dataset, rows: Rows) -> TargetScale | None:
    """What standardises the targets of a regression; None for classes and labels."""
    return TargetScale.fit(dataset.y, rows) if dataset.task == "regression" else None


def moments(x: NDArray[Any], rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and (population) standard deviation of each column of x (N, I) over `rows`, without the missing numbers.

    Some thousand rows at a time in float64, merged as Chan, Golub & LeVeque 1979 do; a column without numbers has 0 and 0.
    """
    count, mean, squares = np.zeros((3, x.shape[1]))
    for start in range(0, len(rows), STEP):
        part = x[rows[start : start + STEP]].astype(np.float64)  # (STEP, I)
        there = ~np.isnan(part)
        part[~there] = 0
        n = there.sum(axis=0)
        among = np.maximum(n, 1)
        part_mean = part.sum(axis=0) / among
        part -= part_mean
        part *= there
        total = np.maximum(count + n, 1)
        apart = part_mean - mean
        squares += np.einsum("ni,ni->i", part, part) + apart**2 * count * n / total
        mean += apart * n / total
        count += n
    return mean, np.sqrt(squares / np.maximum(count, 1))
