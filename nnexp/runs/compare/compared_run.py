"""One of the compared runs: its record, and the content of its files. N examples."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.metrics.predictions import are_predictions
from nnexp.run_folder import DATASET, ENVIRONMENT, SPLITS, History, RunFolder, predictions_path
from nnexp.runs.query import Run
from nnexp.task import Task
from nnexp.tasks import task_of, task_of_metrics

LETTERS = "ABCDEFGHIJ"
COLUMNS = ("index", "true", "predicted")
UNKNOWN = ("", "none", "null")


@dataclass(frozen=True)
class ExampleResults:
    """Which test examples a classifier gets right: their rows in the data set, in order."""

    index: NDArray[Any]  # (N,)
    true: NDArray[Any]  # (N,) classes
    correct: NDArray[np.bool_]  # (N,)

    @classmethod
    def read(cls, run: Run, classes: Sequence[str]) -> "ExampleResults | None":
        """Read the test predictions, of arrays or of a table with names; None without complete ones."""
        columns: dict[str, NDArray[Any]] = {}
        arrays = predictions_path("test")
        table = predictions_path("test").replace(".npz", ".parquet")
        if (path := run.backend.file(arrays)) is not None:
            columns = RunFolder(path.parent).arrays(path.name)
            if not are_predictions(columns, classes):
                return None
            if classes and "true" in columns:
                columns |= {name: np.asarray(classes)[columns[name]] for name in ("true", "predicted")}
        elif (path := run.backend.file(table)) is not None:
            columns = _read_table(path)
        if not columns.keys() >= {*COLUMNS}:
            return None
        order = np.argsort(columns["index"], kind="stable")
        index, true, predicted = (columns[name][order] for name in COLUMNS)
        return cls(index, true, true == predicted)

    def has_same_examples(self, other: "ExampleResults") -> bool:
        same_classes = np.array_equal(self.true.astype(str), other.true.astype(str))
        return same_classes and np.array_equal(self.index, other.index)


@dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison, with its letter in tables and plots; what its files lack is empty."""

    letter: str
    run: Run
    environment: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    steps: History = field(default_factory=list)  # its metrics by step; at 0 those before the first update
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    test_results: ExampleResults | None = None

    @classmethod
    def read(cls, letter: str, run: Run) -> "ComparedRun":
        dataset = run.json(DATASET)
        results = ExampleResults.read(run, dataset.get("classes", []))
        compared = cls(letter, run, run.json(ENVIRONMENT), dataset, run.steps(), test_results=results)
        for split, _ in SPLITS:
            if report := run.json(f"{compared.task.report_folder}/{split}.json"):
                compared.reports[split] = report
        return compared

    @property
    def task(self) -> Task:
        """Its task; of a run without dataset.json, the one that its metrics suggest."""
        if "task" in self.dataset:
            return task_of(self.dataset["task"])
        return task_of_metrics(self.run.metrics) or task_of("classification")

    @property
    def history(self) -> History:
        """The metrics of each evaluation."""
        return [(step, values) for step, values in self.steps if step]

    @property
    def validation_score(self) -> float | None:
        return self._finite(f"best/val_{self.task.score}")

    @property
    def test_score(self) -> float | None:
        return self._finite(f"test/{self.task.score}")

    @property
    def data_sha256(self) -> str:
        """Of the data's content; empty: unknown."""
        return str(self.dataset.get("sha256") or self.tag("nnexp.data_sha256"))

    @property
    def data_name(self) -> str:
        return str(self.dataset.get("name") or self.run.params.get("data", ""))

    @property
    def loss(self) -> str:
        """The loss with its settings: focal gamma=2."""
        params = {key: value for key, value in self.run.params.items() if not key.endswith("_target_")}
        settings = (f"{key[5:]}={params[key]}" for key in sorted(params) if key.startswith("loss."))
        return " ".join([params.get("loss", ""), *settings]).strip()

    @property
    def output_names(self) -> list[str]:
        rows = (name for split in self.reports for name, _, _ in self.outputs(split))
        return [*self.task.names(self.dataset)] or [*dict.fromkeys(rows)]

    def outputs(self, split: str) -> list[tuple[str, int, float | None]]:
        """Return each class, label or target with its examples and its recall or R2 (None: not defined)."""
        report = self.reports.get(split, {})
        task = self.task
        name = task.per_output.removeprefix("per_")
        return [
            (str(row[name]), row.get("support", report.get("examples", 0)), row[task.row_metric])
            for row in report.get(task.per_output, [])
        ]

    def digest(self, split: str) -> str:
        """Return the digest of the examples of training, validation or test; empty: unknown."""
        return str(self.dataset.get("splits", {}).get(split, {}).get("digest", ""))

    def tag(self, name: str) -> str:
        """Return a tag; empty: unknown."""
        value = self.run.tags.get(name, "")
        return "" if value in UNKNOWN else value

    def _finite(self, metric: str) -> float | None:
        value = self.run.metrics.get(metric)
        return value if value is not None and np.isfinite(value) else None


def _read_table(path: Path) -> dict[str, NDArray[Any]]:
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (ValueError, OSError):  # an interrupted write
        return {}
    return {name: table[name].to_numpy() for name in COLUMNS if name in table.column_names}
