"""What is measured at a run's end: the confusion matrix of a classification, the fit of a regression, the labels that were found.

C classes, N examples, T targets, L labels. Definitions as in scikit-learn: a ratio whose denominator is 0 is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Numbers = NDArray[np.floating]
Truths = NDArray[np.bool_]


class Judgement(Protocol):
    """What a network makes of some examples.

    Attributes:
        folder: of a run, where its report lies.
    """

    folder: ClassVar[str]

    def metrics(self) -> dict[str, float]:
        """The numbers that are logged."""
        ...

    def report(self) -> dict[str, Any]:
        """All that is read off it, JSON-like."""
        ...


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for each other.

    Attributes:
        matrix: (C, C), true classes down, predicted ones across.
        classes: their names.
    """

    matrix: NDArray[np.int64]
    classes: tuple[str, ...]
    folder: ClassVar[str] = "confusion"

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

    def metrics(self) -> dict[str, float]:
        return {"accuracy": self.accuracy}

    def report(self) -> dict[str, Any]:
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


@dataclass(frozen=True)
class Fit:
    """How near predicted numbers come to true ones, in the targets' own units.

    Attributes:
        y: true, (N, T).
        predicted: (N, T).
        targets: their names.
    """

    y: Numbers
    predicted: Numbers
    targets: tuple[str, ...]
    folder: ClassVar[str] = "predictions"

    @property
    def r2(self) -> NDArray[np.float64]:
        """1 - (squared errors) / (squared deviations from the mean), (T,); of a constant target 1 if it is met, else 0."""
        errors = np.square(self.y - self.predicted, dtype=np.float64).sum(axis=0)
        spread = np.square(self.y - self.y.mean(axis=0, dtype=np.float64)).sum(axis=0)
        return np.asarray(np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), errors == 0))

    @property
    def mae(self) -> NDArray[np.float64]:
        """The mean absolute error, (T,)."""
        return np.asarray(np.abs(self.y - self.predicted, dtype=np.float64).mean(axis=0))

    @property
    def rmse(self) -> NDArray[np.float64]:
        """The root of the mean squared error, (T,)."""
        return np.asarray(np.sqrt(np.square(self.y - self.predicted, dtype=np.float64).mean(axis=0)))

    def metrics(self) -> dict[str, float]:
        single = {"mae": float(self.mae[0]), "rmse": float(self.rmse[0])} if len(self.targets) == 1 else {}
        return {"r2": float(self.r2.mean())} | single

    def report(self) -> dict[str, Any]:
        rows = zip(self.targets, self.r2, self.mae, self.rmse, strict=True)
        return {
            "r2": float(self.r2.mean()),
            "examples": len(self.y),
            "per_target": [{"target": name, "r2": float(r2), "mae": float(mae), "rmse": float(rmse)} for name, r2, mae, rmse in rows],
        }


@dataclass(frozen=True)
class Labelled:
    """Which labels were found, where several may be true of an example.

    Attributes:
        y: true, (N, L).
        predicted: (N, L).
        labels: their names.
    """

    y: Truths
    predicted: Truths
    labels: tuple[str, ...]
    folder: ClassVar[str] = "labels"

    def metrics(self) -> dict[str, float]:
        right = self.y == self.predicted
        return {"accuracy": float(right.mean()), "exact_match": float(right.all(axis=1).mean())}

    def report(self) -> dict[str, Any]:
        hits = (self.y & self.predicted).sum(axis=0)
        true, called = self.y.sum(axis=0), self.predicted.sum(axis=0)
        rows = zip(self.labels, _ratio(hits, called), _ratio(hits, true), _ratio(2 * hits, true + called), true, strict=True)
        return self.metrics() | {
            "examples": len(self.y),
            "per_label": [
                {"label": name, "precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)} for name, p, r, f, n in rows
            ],
        }


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
