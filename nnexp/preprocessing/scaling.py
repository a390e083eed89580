"""Standardize inputs and targets by statistics of the training rows: N examples, I inputs, T targets.

A trained model does the same operations as training's batches, in the same order and type: the bits are
equal.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Rows = NDArray[np.int64]
CHUNK = 8192  # rows that are converted to float64 at a time
CONSTANT = 1e-8  # a column whose deviation is below this multiple of its mean is constant in float32
TINY = float(np.finfo(np.float32).tiny)


class _Statistics:
    """Arrays that can be written as JSON."""

    @classmethod
    def from_json(cls, values: dict[str, list[float]]) -> Self:
        """Read what `to_json` returned."""
        return cls(**{name: np.asarray(numbers, np.float64) for name, numbers in values.items()})

    def to_json(self) -> dict[str, list[float]]:
        """Return the arrays as lists."""
        return {name: array.tolist() for name, array in vars(self).items()}


@dataclass(frozen=True)
class Standardization(_Statistics):
    """Standardize columns in place: (x - shift) * factor; a missing number (NaN) becomes 0, the mean."""

    shift: NDArray[Any]  # (I,) the mean; 0 for columns that stay as they are
    factor: NDArray[Any]  # (I,) 1 / deviation, 0 for constant columns; 1 for columns that stay as they are

    @classmethod
    def fit(cls, x: NDArray[Any], rows: Rows, numeric: NDArray[np.bool_]) -> Self:
        """Fit the columns `numeric` (I,) of x (N, I) on `rows`, without missing numbers.

        Other columns, categories, stay as they are; one that is 0 in all these rows is 0 in all others too.
        """
        mean, deviation = moments(x, rows)
        factor = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        kept = (mean != 0) | (deviation > 0)
        return cls(np.where(numeric, mean, 0.0), np.where(numeric, factor, kept))

    def astype(self, dtype: DTypeLike) -> "Standardization":
        """Convert shift and factor to the type of the batches."""
        return Standardization(self.shift.astype(dtype), self.factor.astype(dtype))

    def __call__(self, x: Array, missing: NDArray[np.bool_] | None = None) -> None:
        """Standardize x (N, I), of the type of shift and factor; `missing` is a buffer of its shape."""
        x -= self.shift
        x *= self.factor
        np.copyto(x, 0, where=np.isnan(x, out=missing))


@dataclass(frozen=True)
class TargetScale(_Statistics):
    """Standardize the targets of a regression, and restore predictions to their units."""

    mean: NDArray[np.float64]  # (T,)
    deviation: NDArray[np.float64]  # (T,); 1 for a constant target

    @classmethod
    def fit(cls, y: NDArray[Any], rows: Rows) -> Self:
        """Compute mean and deviation of the targets y (N, T) over `rows`."""
        mean, deviation = moments(y, rows)
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    def restore(self, z: Array) -> Array:
        """Convert outputs (N, T) to the units of the targets."""
        restored: Array = z * self.deviation.astype(z.dtype) + self.mean.astype(z.dtype)
        return restored


def moments(x: NDArray[Any], rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute mean and population deviation of the columns of x (N, I) over `rows`, without missing numbers.

    Chunks in float64 are merged as in Chan, Golub & LeVeque 1979. A constant column has deviation 0.
    """
    count, mean, squares = np.zeros((3, x.shape[1]))
    for start in range(0, len(rows), CHUNK):
        chunk = x[rows[start : start + CHUNK]].astype(np.float64)  # (CHUNK, I)
        present = ~np.isnan(chunk)
        chunk[~present] = 0
        n = present.sum(axis=0)
        chunk_mean = chunk.sum(axis=0) / np.maximum(n, 1)
        chunk -= chunk_mean
        chunk *= present
        total = np.maximum(count + n, 1)
        delta = chunk_mean - mean
        squares += np.einsum("ni,ni->i", chunk, chunk) + delta**2 * count * n / total
        mean += delta * n / total
        count += n
    deviation = np.sqrt(squares / np.maximum(count, 1))
    return mean, np.where(deviation > np.maximum(CONSTANT * np.abs(mean), TINY), deviation, 0.0)
