"""Running metrics, updated batch by batch: accuracy of classes and labels, R2 of numbers. Higher is better.

B batch, of at most `capacity` examples; O outputs, T targets, L labels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Targets = NDArray[Any]
Sums = NDArray[np.float64]
ROUNDING = 1e-12  # relative rounding error of a sum of squares


class RunningMetric(ABC):
    """Reset, update with every batch, read the value."""

    name: str  # under which it is logged: accuracy or r2
    scratch: ClassVar[tuple[str, ...]] = ()  # attributes that hold nothing between two batches

    @abstractmethod
    def reset(self) -> None:
        """Start a new pass."""

    @abstractmethod
    def update(self, z: Array, y: Targets) -> Targets:
        """Add outputs z (B, O) and targets y; returns the predictions, valid until the next batch."""

    @property
    @abstractmethod
    def value(self) -> float:
        """The metric over all batches since the reset."""


class Accuracy(RunningMetric):
    """The share of examples whose largest output is that of their class."""

    name = "accuracy"
    scratch = ("predicted",)

    def __init__(self, capacity: int) -> None:
        self.predicted = np.empty(capacity, np.int64)  # (B,)

    def reset(self) -> None:
        self.correct = self.examples = 0

    def update(self, z: Array, y: Targets) -> Targets:
        predicted = self.predicted[: len(y)]
        np.argmax(z, axis=1, out=predicted)
        self.correct += int(np.count_nonzero(predicted == y))
        self.examples += len(y)
        return predicted

    @property
    def value(self) -> float:
        return self.correct / self.examples


class LabelAccuracy(RunningMetric):
    """Label (Hamming) accuracy; a label is predicted where its output is above 0, a probability of 1/2."""

    name = "accuracy"
    scratch = ("predicted", "match")

    def __init__(self, capacity: int, labels: int) -> None:
        self.predicted, self.match = np.empty((2, capacity, labels), bool)  # (B, L)

    def reset(self) -> None:
        self.correct = self.labels = 0

    def update(self, z: Array, y: Targets) -> Targets:
        predicted, match = self.predicted[: len(y)], self.match[: len(y)]
        np.greater(z, 0, out=predicted)
        np.greater(y, 0.5, out=match)
        np.equal(match, predicted, out=match)
        self.correct += int(np.count_nonzero(match))
        self.labels += match.size
        return predicted

    @property
    def value(self) -> float:
        return self.correct / self.labels


class R2(RunningMetric):
    """R2 = 1 - (squared errors) / (squared deviations from the mean), averaged over the targets.

    A constant target has no such ratio: it counts as 1 if it is predicted exactly, else as 0, as in
    scikit-learn.
    """

    name = "r2"
    scratch = ("error",)

    def __init__(self, capacity: int, targets: int, dtype: DTypeLike) -> None:
        self.error: Array = np.empty((capacity, targets), dtype)  # (B, T)
        self.sums = np.zeros((3, targets))  # of squared errors, of y, of y^2

    def reset(self) -> None:
        self.sums.fill(0)
        self.examples = 0

    def update(self, z: Array, y: Targets) -> Targets:
        squared_errors, sum_y, sum_y2 = self.sums
        error = self.error[: len(y)]
        np.subtract(z, y, out=error)
        squared_errors += np.einsum("bt,bt->t", error, error, dtype=np.float64)
        sum_y += y.sum(axis=0, dtype=np.float64)
        sum_y2 += np.einsum("bt,bt->t", y, y, dtype=np.float64)
        self.examples += len(y)
        return z

    @property
    def value(self) -> float:
        squared_errors, sum_y, sum_y2 = self.sums
        deviations = sum_y2 - sum_y**2 / self.examples
        deviations[deviations <= ROUNDING * sum_y2] = 0
        return float(r2_of_sums(squared_errors, deviations).mean())


class InOwnUnits(RunningMetric):
    """A metric of outputs and targets that `restore` first converts from what the network learns."""

    def __init__(self, metric: RunningMetric, restore: Callable[[Array], Array]) -> None:
        self.metric, self.restore = metric, restore
        self.name = metric.name

    def reset(self) -> None:
        self.metric.reset()

    def update(self, z: Array, y: Targets) -> Targets:
        self.metric.update(self.restore(z), self.restore(y))
        return z

    @property
    def value(self) -> float:
        return self.metric.value


def r2_of_sums(squared_errors: Sums, squared_deviations: Sums) -> Sums:
    """Compute R2 of each target from its sums of squares, all (T,)."""
    ratio = squared_errors / np.where(squared_deviations > 0, squared_deviations, 1)
    return np.asarray(np.where(squared_deviations > 0, 1 - ratio, squared_errors == 0))
