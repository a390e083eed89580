"""Evaluation reports of a split: confusion matrix, errors of a regression, scores of labels.

C classes, N examples, T targets, L labels. Definitions as in scikit-learn; 0 / 0 is NaN, in JSON null.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnexp.metrics.running import r2_of_sums

Labels = NDArray[np.int64]
Numbers = NDArray[np.floating]
Truths = NDArray[np.bool_]


class EvaluationReport(Protocol):
    """What is computed from the predictions of a split."""

    def metrics(self) -> dict[str, float]:
        """Return the metrics that are logged: those that the split defines."""

    def to_json(self) -> dict[str, Any]:
        """Return the whole report, JSON-like."""


@dataclass(frozen=True)
class ConfusionReport:
    """The confusion matrix."""

    matrix: NDArray[np.int64]  # (C, C), true classes down, predicted classes across
    classes: tuple[str, ...]  # their names

    @classmethod
    def of(cls, y: Labels, predicted: Labels, classes: Sequence[str]) -> "ConfusionReport":
        """Count the pairs of true and predicted class, both (N,)."""
        n = len(classes)
        return cls(np.bincount(y * n + predicted, minlength=n * n).reshape(n, n), tuple(classes))

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.matrix) / self.matrix.sum())

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples."""
        return _mean_of_defined(self.recall)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that have examples or predictions."""
        return _mean_of_defined(self.f1)

    @property
    def precision(self) -> NDArray[np.float64]:
        """True positives / predicted positives, (C,); NaN of a class that is never predicted."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """True positives / actual positives, (C,); NaN of a class without examples."""
        return _ratio(np.diag(self.matrix), self.matrix.sum(axis=1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, (C,)."""
        return _ratio(2 * np.diag(self.matrix), self.matrix.sum(axis=0) + self.matrix.sum(axis=1))

    def metrics(self) -> dict[str, float]:
        averages = {"balanced_accuracy": self.balanced_accuracy, "macro_f1": self.macro_f1}
        return {"accuracy": self.accuracy, **averages}

    def to_json(self) -> dict[str, Any]:
        support = self.matrix.sum(axis=1)
        return {
            **self.metrics(),
            "classes": list(self.classes),
            "matrix": self.matrix.tolist(),
            "per_class": _rows("class", self.classes, self.precision, self.recall, self.f1, support),
        }


@dataclass(frozen=True)
class RegressionReport:
    """Errors of predicted numbers, in the targets' own units."""

    y: Numbers  # true, (N, T)
    predicted: Numbers  # (N, T)
    targets: tuple[str, ...]  # their names

    @property
    def errors(self) -> NDArray[np.float64]:
        """Predicted minus true, (N, T)."""
        return np.subtract(self.predicted, self.y, dtype=np.float64)

    @property
    def r2(self) -> NDArray[np.float64]:
        """R2 of each target, (T,); of a constant one 1 if it is predicted exactly, else 0."""
        deviations = np.where(np.ptp(self.y, axis=0) > 0, self.y - self.y.mean(axis=0, dtype=np.float64), 0)
        return r2_of_sums(np.square(self.errors).sum(axis=0), np.square(deviations).sum(axis=0))

    @property
    def mae(self) -> NDArray[np.float64]:
        """The mean absolute error, (T,)."""
        return np.asarray(np.abs(self.errors).mean(axis=0))

    @property
    def rmse(self) -> NDArray[np.float64]:
        """The root mean squared error, (T,)."""
        return np.asarray(np.sqrt(np.square(self.errors).mean(axis=0)))

    def metrics(self) -> dict[str, float]:
        """Return the metrics that are logged; of several targets, their means."""
        scores = {"r2": self.r2, "mae": self.mae, "rmse": self.rmse}
        return {name: float(of_each.mean()) for name, of_each in scores.items()}

    def to_json(self) -> dict[str, Any]:
        rows = zip(self.targets, self.r2.tolist(), self.mae.tolist(), self.rmse.tolist(), strict=True)
        per_target = [dict(zip(("target", "r2", "mae", "rmse"), row, strict=True)) for row in rows]
        return self.metrics() | {"examples": len(self.y), "per_target": per_target}


@dataclass(frozen=True)
class MultilabelReport:
    """Scores of labels, where several may be true of an example."""

    y: Truths  # true, (N, L)
    predicted: Truths  # (N, L)
    labels: tuple[str, ...]  # their names

    @property
    def true_positives(self) -> NDArray[np.int64]:
        """The examples of which each label is true and predicted, (L,)."""
        return np.asarray((self.y & self.predicted).sum(axis=0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """The harmonic mean of precision and recall, (L,); NaN of a label that is never true or predicted."""
        return _ratio(2 * self.true_positives, self.y.sum(axis=0) + self.predicted.sum(axis=0))

    def metrics(self) -> dict[str, float]:
        match = self.y == self.predicted
        metrics = {"accuracy": float(match.mean()), "exact_match": float(match.all(axis=1).mean())}
        macro_f1 = _mean_of_defined(self.f1)
        return metrics if math.isnan(macro_f1) else metrics | {"macro_f1": macro_f1}

    def to_json(self) -> dict[str, Any]:
        actual = self.y.sum(axis=0)
        precision = _ratio(self.true_positives, self.predicted.sum(axis=0))
        recall = _ratio(self.true_positives, actual)
        per_label = _rows("label", self.labels, precision, recall, self.f1, actual)
        return self.metrics() | {"examples": len(self.y), "per_label": per_label}


def _rows(noun: str, names: Sequence[str], *columns: NDArray[Any]) -> list[dict[str, Any]]:
    """Build a row of precision, recall, F1 and support for each name; None where one is not defined."""
    keys = (noun, "precision", "recall", "f1", "support")
    values = zip(names, *(map(_defined, column.tolist()) for column in columns), strict=True)
    return [dict(zip(keys, row, strict=True)) for row in values]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=ratio, where=denominator > 0)


def _mean_of_defined(values: NDArray[np.float64]) -> float:
    """Average the values that are not NaN; NaN where all are."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan
