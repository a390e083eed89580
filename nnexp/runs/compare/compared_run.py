"""One of the runs that are compared: its record, and what its files say of it.

N examples.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.runs.backends import History
from nnexp.runs.query import Run

LETTERS = "ABCDEFGHIJ"
PARTS = {"val": "validation", "test": "test"}  # as files call them, and as dataset.json does
REPORTS = {"classification": "confusion", "multilabel": "labels", "regression": "predictions"}
WORDS = {
    "classification": "a classification",
    "multilabel": "a choice of several labels",
    "regression": "a regression",
}
COLUMNS = ("index", "true", "predicted")
NONE = ("", "none", "null")


@dataclass(frozen=True)
class Answers:
    """What a network made of each of some examples that have one right answer.

    Attributes:
        index: (N,) rows of the data set, in order.
        true: (N,) classes.
        right: (N,) whether the network said so.
    """

    index: NDArray[Any]
    true: NDArray[Any]
    right: NDArray[np.bool_]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Answers":
        """From the columns of a file: index, true, predicted (N,)."""
        order = np.argsort(arrays["index"], kind="stable")
        return cls(
            arrays["index"][order], arrays["true"][order], (arrays["true"] == arrays["predicted"])[order]
        )

    def same_examples(self, other: "Answers") -> bool:
        """Whether both were asked the same."""
        return np.array_equal(self.index, other.index) and np.array_equal(
            self.true.astype(str), other.true.astype(str)
        )


@dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison.

    Attributes:
        letter: what it is called in tables and pictures.
        run: its record.
        environment: of environment.json; empty where there is none, as are those that follow.
        dataset: of dataset.json.
        epochs: the metrics at each step.
        reports: confusion/<part>.json, or what takes its place, by part: "val", "test".
        answers: by part.
    """

    letter: str
    run: Run
    environment: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    epochs: History = field(default_factory=list)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, Answers] = field(default_factory=dict)

    @classmethod
    def read(cls, letter: str, run: Run) -> "ComparedRun":
        """Read a run's files, as far as it has any.

        Raises:
            RunError: the store does not answer.
        """
        there = set(run.files())

        def content(path: str) -> dict[str, Any]:
            return dict(json.loads(run.file(path).read_text(encoding="utf-8"))) if path in there else {}

        reports = {
            part: report
            for part in PARTS
            for kind in REPORTS.values()
            if (report := content(f"{kind}/{part}.json"))
        }
        dataset, answers = content("dataset.json"), {}
        for part in PARTS:
            path = next((path for path in predictions(part) if path in there), "")
            if path and (found := answered(run.file(path), dataset.get("classes", []))) is not None:
                answers[part] = found
        return cls(letter, run, content("environment.json"), dataset, run.history(), reports, answers)

    def repeats(self, other: "ComparedRun") -> bool:
        """Whether it is the other's run once more."""
        return self.run.is_same(other.run)

    @property
    def task(self) -> str:
        """classification, multilabel or regression."""
        if told := self.dataset.get("task"):
            return str(told)
        report = next(iter(self.reports.values()), {})
        if "per_label" in report or "test/exact_match" in self.run.metrics:
            return "multilabel"
        return (
            "regression" if "per_target" in report or "best/val_r2" in self.run.metrics else "classification"
        )

    @property
    def score(self) -> str:
        """The name of what says how good it is."""
        return "r2" if self.task == "regression" else "accuracy"

    @property
    def validation(self) -> float | None:
        """The best score on the validation examples; None: it got to none."""
        return self.finite(f"best/val_{self.score}")

    @property
    def test(self) -> float | None:
        """The score on the test examples; None: it got to none."""
        return self.finite(f"test/{self.score}")

    def finite(self, metric: str) -> float | None:
        """A metric's last value; None: there is none that is a number."""
        value = self.run.metrics.get(metric)
        return value if value is not None and np.isfinite(value) else None

    @property
    def unit(self) -> str:
        """What its curves count: epochs or steps."""
        return "epoch" if self.run.params.get("trainer.evaluate_every", "null") in NONE else "step"

    @property
    def data_sha256(self) -> str:
        """Of the data's content; empty: not known."""
        told = self.dataset.get("sha256") or self.run.tags.get("nnexp.data_sha256", "")
        return "" if told in NONE else str(told)

    @property
    def data_name(self) -> str:
        """What the data are called."""
        return str(self.dataset.get("name") or self.run.params.get("data", ""))

    def names(self) -> list[str]:
        """Of the classes, labels or targets that it tells apart."""
        if told := self.dataset.get("classes") or self.dataset.get("targets"):
            return list(map(str, told))
        return [name for name, _, _ in self.members(next(iter(self.reports), ""))]

    def examples(self, part: str) -> str:
        """A digest of which examples are in a part ("training", "validation", "test"); empty: not known."""
        return str(self.dataset.get("splits", {}).get(part, {}).get("digest", ""))

    def members(self, part: str) -> list[tuple[str, int, float]]:
        """Each class or label with its examples and its recall; each target with its R2."""
        report = self.reports.get(part, {})
        if "per_target" in report:
            return [
                (str(row["target"]), report.get("examples", 0), row["r2"]) for row in report["per_target"]
            ]
        rows = report.get("per_class") or report.get("per_label") or []
        return [(str(row.get("class", row.get("label"))), row["support"], row["recall"]) for row in rows]

    def machine(self) -> str:
        """Processor and cores; empty: not known."""
        return (
            f"{self.environment['cpu']}, {self.environment.get('cores', '?')} cores"
            if self.environment.get("cpu")
            else ""
        )

    def repeat(self) -> list[str]:
        """The commands that make the run again: bit by bit, and as it was typed."""
        folder = (
            self.run.file("config.yaml").parent
            if not self.run.id and "config.yaml" in self.run.files()
            else None
        )
        program, _, rest = str(self.environment.get("command", "")).partition(" ")
        typed = f"nnexp {rest}".strip() if program in ("nnexp", "__main__.py") else ""
        return [f"nnexp reproduce {self.run.id or folder or self.run.name}", *([typed] if typed else [])]


def predictions(part: str) -> tuple[str, str]:
    """Where the answers may lie, of which the first is taken."""
    return f"predictions/{part}.npz", f"predictions/{part}.parquet"


def answered(path: Path, classes: Sequence[str]) -> Answers | None:
    """The answers in a file; None where it holds none that are right or wrong.

    Args:
        path: of an array file with numbers of classes, or a table with their names.
        classes: the names.
    """
    try:
        if path.suffix == ".parquet":
            from pyarrow import parquet

            table = parquet.read_table(path)
            arrays = {name: table[name].to_numpy() for name in COLUMNS if name in table.column_names}
        else:
            with np.load(path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in COLUMNS if name in found}
            if classes and "true" in arrays:
                arrays |= {name: np.asarray(classes)[arrays[name]] for name in ("true", "predicted")}
    except (ValueError, OSError, zipfile.BadZipFile):  # cut short by whatever ended the run
        return None
    return Answers.of(arrays) if len(arrays) == len(COLUMNS) else None
