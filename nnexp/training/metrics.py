"""What is measured: the confusion matrix and all that is read off it.

C classes. Definitions as in scikit-learn: a ratio whose denominator is 0 is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for each other.

    Attributes:
        matrix: (C, C), true classes down, predicted ones across.
        classes: their names.
    """

    matrix: NDArray[np.int64]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, y: Labels, predicted: Labels, classes: Sequence[str]) -> "Confusion":
        """Count the pairs of true and predicted class, both (N,)."""
        n = len(classes)
        return cls(np.bincount(y * n + predicted, minlength=n * n).reshape(n, n), tuple(classes))

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of what was called this class, how much was it: (C,)."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of what was this class, how much was called so: (C,)."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, (C,)."""
        return _ratio(2 * np.diag(self.matrix), self.matrix.sum(axis=0) + self.matrix.sum(axis=1))

    def report(self) -> dict[str, Any]:
        """The matrix and what is read off it, JSON-like."""
        support = self.matrix.sum(axis=1)
        rows = zip(self.classes, self.precision, self.recall, self.f1, support, strict=True)
        return {
            "accuracy": self.accuracy,
            "classes": list(self.classes),
            "matrix": self.matrix.tolist(),
            "per_class": [
                {"class": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)} for name, p, r, f, n in rows
            ],
        }


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
