"""Standardize inputs and targets by statistics of the training rows: N examples, I inputs, T targets.

Numbers are stored in float32. A column that would lose digits that way has an origin near its mean, which is
subtracted in float64 before. A trained model does the same operations as training's batches, in the same
order and type: the bits are equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Rows = NDArray[np.int64]
CHUNK = 8192  # rows that are converted to float64 at a time
CONSTANT = 1e-8  # a column whose deviation is below this multiple of its mean is constant in float32
TINY = float(np.finfo(np.float32).tiny)
PRECISION = 1e-5  # of a column's deviation: what rounding to float32 may change numbers near its mean by
TOO_LARGE = 2.0**128 - 2.0**103  # from here on, numbers become infinite in float32
EXACT_FLOAT32, EXACT_FLOAT64 = 2**24, 2**53  # up to these, whole numbers are exact
Transform = Literal["log", "log1p"]
TRANSFORMS: dict[Transform, tuple[Callable[..., Any], Callable[..., Any], float]] = {
    "log": (np.log, np.exp, 0.0),
    "log1p": (np.log1p, np.expm1, -1.0),
}
"""A function of targets, its inverse, and the number that targets must exceed."""
NOISE = 1e-14  # numbers that differ by less of themselves are one, computed in two ways


class Statistics:
    """Arrays and names that can be written as JSON; those that are None are left out."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` returned."""
        fields = {
            name: value if isinstance(value, str) else np.asarray(value, np.float64)
            for name, value in values.items()
        }
        return cls(**fields)

    def to_json(self) -> dict[str, Any]:
        """Return the arrays as lists."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return {name: value if isinstance(value, str) else value.tolist() for name, value in given.items()}


@dataclass(frozen=True)
class Standardization(Statistics):
    """Standardize columns in place: (x - shift) * factor; a missing number (NaN) becomes 0, the mean."""

    shift: NDArray[Any]  # (I,) the mean of x, less the origin; 0 for columns that stay as they are
    factor: NDArray[Any]  # (I,) 1 / deviation, 0 for constant columns; 1 for columns that stay as they are
    origin: NDArray[np.float64] | None = None  # (I,) stored is x = float32(number - origin); None: all are 0

    @classmethod
    def fit(
        cls,
        x: NDArray[Any],
        rows: Rows,
        numeric: NDArray[np.bool_],
        origin: NDArray[np.float64] | None = None,
    ) -> Self:
        """Fit the columns `numeric` (I,) of stored x (N, I) on `rows`, without missing numbers.

        Other columns, categories, stay as they are; one that is 0 in all these rows is 0 in all others too.
        """
        mean, deviation = moments(x, rows)
        factor = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        kept = (mean != 0) | (deviation > 0)
        return cls(np.where(numeric, mean, 0.0), np.where(numeric, factor, kept), origin)

    @property
    def mean(self) -> NDArray[Any]:
        """The mean of the numbers as they are in the file, (I,)."""
        return self.shift if self.origin is None else self.shift + self.origin

    def between(self, stored: DTypeLike, dtype: DTypeLike) -> "Standardization":
        """Convert shift and factor to the more precise of two types, in which stored numbers are scaled."""
        wide = np.result_type(stored, dtype)
        return Standardization(self.shift.astype(wide), self.factor.astype(wide))

    def __call__(self, x: Array, missing: NDArray[np.bool_] | None = None) -> None:
        """Standardize x (N, I), of the type of shift and factor; `missing` is a buffer of its shape."""
        x -= self.shift
        x *= self.factor
        np.copyto(x, 0, where=np.isnan(x, out=missing))


@dataclass(frozen=True)
class TargetScale(Statistics):
    """Standardize the targets of a regression, and restore predictions to their units.

    With a transform, it is its values that are standardized. A mean of logarithms is restored to the
    geometric mean, which is the median, not the mean, where errors are symmetric in the logarithm.
    """

    mean: NDArray[np.float64]  # (T,) less the origin
    deviation: NDArray[np.float64]  # (T,); 1 for a constant target
    origin: NDArray[np.float64] | None = None  # (T,) subtracted in float64, as of inputs; None: all are 0
    transform: Transform | None = None  # before all else

    @classmethod
    def fit(cls, y: NDArray[Any], rows: Rows, transform: Transform | None = None) -> Self:
        """Compute origin, mean and deviation of the targets y (N, T) over `rows`."""
        fitted = transformed(y[rows], transform)
        origin = find_origin(fitted)
        mean, deviation = moments(narrow(fitted, origin), np.arange(len(rows)))
        return cls(mean, np.where(deviation > 0, deviation, 1.0), origin, transform)

    def restore(self, z: Array) -> NDArray[np.float64]:
        """Convert outputs (N, T) to the units of the targets."""
        restored = z.astype(np.float64) * self.deviation + self.mean
        restored = restored if self.origin is None else restored + self.origin
        if self.transform is None:
            return restored
        with np.errstate(over="ignore"):
            return np.asarray(TRANSFORMS[self.transform][1](restored))

    def narrow(self, y: NDArray[Any]) -> NDArray[np.float32]:
        """Transform targets (N, T), subtract the origin and round to float32: as stored for training."""
        return narrow(transformed(y, self.transform), self.origin)


def transformed(y: NDArray[Any], transform: Transform | None) -> NDArray[Any]:
    """Transform targets y (N, T), NaN where one is outside the domain."""
    if transform is None:
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(TRANSFORMS[transform][0](y))


def narrow(
    x: NDArray[Any], origin: NDArray[np.float64] | float | None, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Subtract the origin (I,) of numbers x (N, I) in float64, then round to the type that is stored."""
    narrowed: NDArray[Any] = (x if origin is None else x - origin).astype(dtype)
    return narrowed


def find_origin(y: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the origin (T,) of columns y (N, T) without missing numbers; None if all are 0."""
    low, high = y.min(axis=0), y.max(axis=0)
    whole = np.asarray((y == np.rint(y)).all(axis=0))
    origin = choose_origin(low, high, whole, *moments(y, np.arange(len(y))))
    return origin if origin.any() else None


def choose_origin(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    whole: NDArray[np.bool_],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the origin of columns from their statistics, all (I,): the mean where it is needed, else 0.

    It is needed if float32's spacing at the mean exceeds PRECISION of the deviation; far from the mean,
    rounding is small beside the standardized number itself. It is also needed if whole numbers are too large
    for float32, and less so when they are centred. The origin of whole numbers is whole.
    """
    largest = np.maximum(np.abs(low), np.abs(high))
    farthest = np.maximum(high - mean, mean - low)
    varies = ~is_constant(low, high, whole)
    coarse = np.abs(np.spacing(mean.astype(np.float32))) > PRECISION * deviation
    too_large = whole & (largest > EXACT_FLOAT32) & (largest <= EXACT_FLOAT64) & (farthest <= largest / 2)
    return np.where(varies & (coarse | too_large), np.where(whole, np.rint(mean), mean), 0.0)


def is_constant(
    low: NDArray[np.float64], high: NDArray[np.float64], whole: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which columns hold one number, from their smallest and largest (I,); inf and -inf: none."""
    difference = high - low
    largest = np.maximum(np.abs(low), np.abs(high))
    return np.asarray((difference <= 0) | (~whole & (difference <= NOISE * largest)))


def moments(x: NDArray[Any], rows: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute mean and population deviation of the columns of x (N, I) over `rows`, without missing numbers.

    Chunks in float64 are merged as in Chan, Golub & LeVeque 1979. A column that is constant, but for the
    rounding of its type, has deviation 0.
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
    rounding = CONSTANT if x.dtype == np.float32 else NOISE
    return mean, np.where(deviation > np.maximum(rounding * np.abs(mean), TINY), deviation, 0.0)
