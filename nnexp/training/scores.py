"""How good outputs are, added up batch by batch: accuracy for classes and labels, R2 for numbers. Higher is better, 1 is perfect.

B batch, O outputs, T targets, L labels.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Targets = NDArray[Any]
ROUNDING = 1e-12  # of a sum of squares: what its difference to another may be and mean nothing


class Score(ABC):
    """Start, add every batch, ask for the value."""

    name: str

    @abstractmethod
    def start(self) -> None:
        """Forget what was added."""

    @abstractmethod
    def add(self, z: Array, y: Targets) -> Targets:
        """Count outputs z (B, O) against targets y; returns what is predicted, valid until the next batch."""

    @property
    @abstractmethod
    def value(self) -> float:
        """Of all that was added since the start."""


class Accuracy(Score):
    """The share of examples whose largest output is at their class.

    Args:
        capacity: the largest batch.
    """

    name = "accuracy"

    def __init__(self, capacity: int) -> None:
        self.predicted = np.empty(capacity, np.int64)  # (B,)

    def start(self) -> None:
        self.hits = self.examples = 0

    def add(self, z: Array, y: Targets) -> Targets:
        predicted = self.predicted[: len(y)]
        np.argmax(z, axis=1, out=predicted)
        self.hits += int(np.count_nonzero(predicted == y))
        self.examples += len(y)
        return predicted

    @property
    def value(self) -> float:
        return self.hits / self.examples


class LabelAccuracy(Score):
    """The share of labels that are told rightly: true where the output is above 0, a probability of one half.

    Args:
        capacity: the largest batch.
        labels: L.
    """

    name = "accuracy"

    def __init__(self, capacity: int, labels: int) -> None:
        self.predicted, self.right = np.empty((2, capacity, labels), bool)  # (B, L)

    def start(self) -> None:
        self.hits = self.labels = 0

    def add(self, z: Array, y: Targets) -> Targets:
        predicted, right = self.predicted[: len(y)], self.right[: len(y)]
        np.greater(z, 0, out=predicted)
        np.greater(y, 0.5, out=right)
        np.equal(right, predicted, out=right)
        self.hits += int(np.count_nonzero(right))
        self.labels += right.size
        return predicted

    @property
    def value(self) -> float:
        return self.hits / self.labels


class R2(Score):
    """1 - (sum of squared errors) / (sum of squared deviations from the mean), averaged over the targets.

    A target that does not vary has no such ratio: it counts as 1 if it is met and as 0 if not, as in scikit-learn.

    Args:
        capacity: the largest batch.
        targets: T.
        dtype: of the outputs.
    """

    name = "r2"

    def __init__(self, capacity: int, targets: int, dtype: DTypeLike) -> None:
        self.error: Array = np.empty((capacity, targets), dtype)  # (B, T)
        self.sums = np.zeros((3, targets))  # of squared errors, of y, of y^2

    def start(self) -> None:
        self.sums.fill(0)
        self.examples = 0

    def add(self, z: Array, y: Targets) -> Targets:
        errors, of_y, of_squares = self.sums
        error = self.error[: len(y)]
        np.subtract(z, y, out=error)
        errors += np.einsum("bt,bt->t", error, error, dtype=np.float64)
        of_y += y.sum(axis=0, dtype=np.float64)
        of_squares += np.einsum("bt,bt->t", y, y, dtype=np.float64)
        self.examples += len(y)
        return z

    @property
    def value(self) -> float:
        errors, of_y, of_squares = self.sums
        spread = of_squares - of_y**2 / self.examples
        spread[spread <= ROUNDING * of_squares] = 0
        each = np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), errors == 0)
        return float(each.mean())
