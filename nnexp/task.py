"""The abstract task: everything that depends on the kind of task.

N examples, O outputs, C classes, L labels, T targets.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.metrics.metric_info import format_metric
from nnexp.metrics.reports import EvaluationReport
from nnexp.metrics.running import RunningMetric

TaskName = Literal["classification", "multilabel", "regression"]
Array = NDArray[np.floating]
Columns = dict[str, NDArray[Any]]
TextColumns = dict[str, list[str]]


class Task(ABC):
    """One kind of task."""

    name: ClassVar[TaskName]  # in configurations, dataset.json and network.json
    noun: ClassVar[str]  # with its article, for messages
    score: ClassVar[str]  # the name of the main metric; `best/val_<score>` is what a sweep optimizes
    score_label: ClassVar[str]  # the same for a reader
    metrics: ClassVar[tuple[str, ...]]  # those of a split, as far as it defines them
    default_loss: ClassVar[str]  # the option of the group `loss` that suits it
    report_folder: ClassVar[str]  # the folder of a run that holds its evaluation reports
    per_output: ClassVar[str]  # the key of the report that holds a row for each class, label or target
    row_metric: ClassVar[str]  # the metric in these rows that is shown first
    has_probabilities: ClassVar[bool] = True  # whether outputs become probabilities

    @abstractmethod
    def new_score(self, capacity: int, outputs: int, dtype: DTypeLike) -> RunningMetric:
        """Make the streaming metric for batches of at most `capacity` examples."""

    @abstractmethod
    def report(self, true: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> EvaluationReport:
        """Report on true and predicted classes (N,), labels (N, L), or numbers in their own units (N, T).

        `names` are those of the classes, labels or targets.
        """

    @abstractmethod
    def describe_outputs(self, names: Sequence[str]) -> str:
        """Describe what is predicted in a few words: "10 classes"."""

    def metric_names(self, outputs: int) -> tuple[str, ...]:
        """Return the metrics that a split of so many outputs may have."""
        return self.metrics

    def describe(self, outputs: int) -> str:
        """Describe the task in a few words, with its article."""
        return self.noun

    def names(self, description: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the outputs from dataset.json or network.json: those of labels or targets."""
        return tuple(description.get("targets", ()))

    def format_score(self, value: float) -> str:
        """Format the main metric: an accuracy in percent, R2 with four decimals."""
        return format_metric(self.score, value)

    def describe_score(self, value: float, width: int = 0) -> str:
        """Format the main metric so that it is recognized without a heading: 97.20%, R2 0.8312."""
        return f"{self.format_score(value):>{width}}"

    @abstractmethod
    def predicted(self, z: Array) -> NDArray[Any]:
        """Return the predictions of outputs z (N, O): classes (N,), labels (N, L), or numbers (N, T)."""

    @abstractmethod
    def margin(self, z: Array) -> Array:
        """Return how far outputs z are from the next other prediction, of the shape of the predictions."""

    def known(self, true: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which true values are known, (N,): no NaN in the row."""
        return np.asarray(~np.isnan(true).any(axis=1))

    def score_of(self, z: Array, true: NDArray[Any]) -> float:
        """Compute the main metric of outputs z (N, O) against known true values in the same units."""
        metric = self.new_score(len(z), z.shape[1], np.float64)
        metric.reset()
        metric.update(z, true)
        return metric.value

    @abstractmethod
    def prediction_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> Columns:
        """Build the columns, each (N,), of a table of predictions, with names instead of numbers.

        Outputs z and probabilities are (N, O); a regression has no probabilities.
        """

    @abstractmethod
    def text_columns(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> TextColumns:
        """Format the few columns, N texts each, that a terminal shows of N predictions."""

    @abstractmethod
    def describe_prediction(self, z: Array, probabilities: Array | None, names: Sequence[str]) -> str:
        """Describe the prediction of one example in a line; z and probabilities are (O,)."""

    def true_columns(self, true: NDArray[Any], names: Sequence[str]) -> Columns:
        """Build the columns, each (N,), of the true values beside them; None or NaN is unknown."""
        columns = zip(names, true.T, strict=True)
        return {f"true_{name}": column.astype(np.float64) for name, column in columns}

    @abstractmethod
    def target_spec(self, names: Sequence[str]) -> tuple[str, list[int]]:
        """Return dtype and shape of a data set's targets, -1 for N."""

    @abstractmethod
    def column_types(self, names: Sequence[str]) -> dict[str, str]:
        """Return the type (string, double, boolean) of each of the `prediction_columns`."""
