"""The kinds of task: classification, multilabel and regression.

N examples, O outputs, C classes, L labels, T targets. A fourth kind of task is one more class here and its
row in TASKS.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.messages import number, percent
from nnexp.metrics.metric_info import AREAS
from nnexp.metrics.reports import ConfusionReport, EvaluationReport, MultilabelReport, RegressionReport
from nnexp.metrics.running import R2, Accuracy, LabelAccuracy, RunningMetric
from nnexp.task import Array, Columns, Task, TextColumns

RUNNERS_UP = 2  # classes that are named after the predicted one
MAX_TARGETS = 6  # columns of numbers that fit beside each other


class Classification(Task):
    """One class out of C."""

    name = "classification"
    noun = "a classification"
    score, score_label = "accuracy", "accuracy"
    metrics = ("accuracy", "loss", "balanced_accuracy", "macro_f1", "ece")
    default_loss = "softmax_cross_entropy"
    report_folder = "confusion"
    per_output, row_metric = "per_class", "recall"

    def new_score(self, capacity: int, outputs: int, dtype: DTypeLike) -> RunningMetric:
        return Accuracy(capacity)

    def report(self, true: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> EvaluationReport:
        return ConfusionReport.of(true, predicted, names)

    def describe_outputs(self, names: Sequence[str]) -> str:
        return f"{len(names)} classes"

    def metric_names(self, outputs: int) -> tuple[str, ...]:
        return (*self.metrics, *AREAS) if outputs == 2 else self.metrics

    def describe(self, outputs: int) -> str:
        return f"{self.noun} of {outputs} classes"

    def names(self, description: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(description.get("classes", ()))

    def predicted(self, z: Array) -> NDArray[Any]:
        return np.asarray(z.argmax(axis=1))

    def margin(self, z: Array) -> Array:
        second, first = np.partition(z, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)

    def known(self, true: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(true >= 0)

    def prediction_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> Columns:
        assert probabilities is not None
        predicted = self.predicted(z)
        confidence = np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]
        columns: Columns = {"prediction": np.array(names, object)[predicted], "confidence": confidence}
        return columns | {f"p_{name}": p for name, p in zip(names, probabilities.T, strict=True)}

    def text_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> TextColumns:
        columns = self.prediction_columns(z, probabilities, names)
        confidence = [percent(p) for p in columns["confidence"]]
        return {"prediction": list(columns["prediction"]), "confidence": confidence}

    def describe_prediction(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> str:
        assert probabilities is not None
        order = np.argsort(-z, kind="stable")[: 1 + RUNNERS_UP].tolist()
        first, *others = (f"{names[i]} {percent(probabilities[i])}" for i in order)
        return f"{first}   then {', '.join(others)}"

    def true_columns(self, true: NDArray[Any], names: Sequence[str]) -> Columns:
        return {"true": np.array([*names, None], object)[true]}  # -1, unknown, is the last

    def target_spec(self, names: Sequence[str]) -> tuple[str, list[int]]:
        return "int64", [-1]

    def column_types(self, names: Sequence[str]) -> dict[str, str]:
        return {"prediction": "string", "confidence": "double"} | {f"p_{name}": "double" for name in names}


class Multilabel(Task):
    """L labels, each true or not."""

    name = "multilabel"
    noun = "a multilabel classification"
    score, score_label = "accuracy", "label accuracy"
    metrics = ("accuracy", "loss", "exact_match", "macro_f1", *AREAS)
    default_loss = "binary_cross_entropy"
    report_folder = "labels"
    per_output, row_metric = "per_label", "recall"

    def new_score(self, capacity: int, outputs: int, dtype: DTypeLike) -> RunningMetric:
        return LabelAccuracy(capacity, outputs)

    def report(self, true: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> EvaluationReport:
        return MultilabelReport(true, predicted, tuple(names))

    def describe_outputs(self, names: Sequence[str]) -> str:
        return f"labels {', '.join(names)}"

    def predicted(self, z: Array) -> NDArray[Any]:
        return z > 0

    def margin(self, z: Array) -> Array:
        return np.abs(z)

    def prediction_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> Columns:
        assert probabilities is not None
        columns: Columns = dict(zip(names, self.predicted(z).T, strict=True))
        return columns | {f"p_{name}": p for name, p in zip(names, probabilities.T, strict=True)}

    def text_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> TextColumns:
        assert probabilities is not None
        rows = zip(z, probabilities, strict=True)
        return {"labels": [self.describe_prediction(*row, names) for row in rows]}

    def describe_prediction(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> str:
        assert probabilities is not None
        true = [f"{names[i]} {percent(probabilities[i])}" for i in np.flatnonzero(self.predicted(z)).tolist()]
        return ", ".join(true) or "none of the labels"

    def target_spec(self, names: Sequence[str]) -> tuple[str, list[int]]:
        return "bool", [-1, len(names)]

    def column_types(self, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, "boolean") | {f"p_{name}": "double" for name in names}


class Regression(Task):
    """T numbers."""

    name = "regression"
    noun = "a regression"
    score, score_label = "r2", "R2"
    metrics = ("r2", "loss", "mae", "rmse")
    default_loss = "mean_squared_error"
    report_folder = "predictions"
    per_output, row_metric = "per_target", "r2"
    has_probabilities = False

    def new_score(self, capacity: int, outputs: int, dtype: DTypeLike) -> RunningMetric:
        return R2(capacity, outputs, dtype)

    def report(self, true: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> EvaluationReport:
        return RegressionReport(true, predicted, tuple(names))

    def describe_outputs(self, names: Sequence[str]) -> str:
        return f"regression of {', '.join(names)}"

    def score_of(self, z: Array, true: NDArray[Any]) -> float:
        return float(RegressionReport(true, z, ()).r2.mean())

    def describe_score(self, value: float, width: int = 0) -> str:
        return f"{self.score_label} {self.format_score(value):>{width}}"

    def predicted(self, z: Array) -> NDArray[Any]:
        return z

    def margin(self, z: Array) -> Array:
        return np.zeros_like(z)

    def prediction_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> Columns:
        return {name: column.astype(np.float64) for name, column in zip(names, z.T, strict=True)}

    def text_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> TextColumns:
        shown = zip(names[:MAX_TARGETS], z.T, strict=False)
        return {name: [number(value) for value in column] for name, column in shown}

    def describe_prediction(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> str:
        return ", ".join(f"{name} {number(value)}" for name, value in zip(names, z, strict=True))

    def target_spec(self, names: Sequence[str]) -> tuple[str, list[int]]:
        return "float64", [-1, len(names)]

    def column_types(self, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, "double")


TASKS: dict[str, Task] = {task.name: task for task in (Classification(), Multilabel(), Regression())}


def task_of(name: str) -> Task:
    """Return the task of that name."""
    return TASKS[name]


def task_of_metrics(metrics: Mapping[str, float]) -> Task | None:
    """Return the first task whose score is among the logged metrics; None: there is no score."""
    for prefix in ("best/val_", "val/", "test/", "train/"):
        for task in TASKS.values():
            if f"{prefix}{task.score}" in metrics:
                return task
    return None
