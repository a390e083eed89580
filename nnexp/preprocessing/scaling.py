"""The numbers that were measured on training rows, at work: what a network sees, and its targets in their own units.

The operations are those of a run's batches, in their order and type, so that the same bits come out. N examples, I inputs, T targets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.parameters import Array


@dataclass(frozen=True)
class Standardization:
    """x becomes (x - shift) * factor, and a missing number (NaN) becomes 0, the training mean; shift and factor are (I,) float64."""

    shift: NDArray[np.float64]
    factor: NDArray[np.float64]

    def __call__(self, x: Array) -> None:
        """Change x (N, I) in place."""
        x -= self.shift.astype(x.dtype)
        x *= self.factor.astype(x.dtype)
        np.copyto(x, 0, where=np.isnan(x))


@dataclass(frozen=True)
class TargetScale:
    """Targets that were standardised for the network; mean and deviation are (T,) float64."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def __call__(self, z: Array) -> Array:
        """Outputs (N, T) in the units of the targets."""
        restored: Array = z * self.deviation.astype(z.dtype) + self.mean.astype(z.dtype)
        return restored


def scale_of(told: Any) -> float | Standardization:
    """As a description tells it: a factor, or shift and factor of each input."""
    if isinstance(told, dict):
        return Standardization(np.asarray(told["shift"], np.float64), np.asarray(told["factor"], np.float64))
    return float(told)


def restore_of(told: Any) -> TargetScale | None:
    """As a description tells it: mean and deviation of each target, or nothing."""
    return (
        None
        if told is None
        else TargetScale(np.asarray(told["mean"], np.float64), np.asarray(told["deviation"], np.float64))
    )
