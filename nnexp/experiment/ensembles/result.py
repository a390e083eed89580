"""The result of an ensemble: its scores beside those of its members."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnexp.experiment.ensembles.members import Member
from nnexp.experiment.evaluation import SplitResult
from nnexp.metrics.intervals import Interval, wilson_interval
from nnexp.metrics.metric_info import BEST, TEST
from nnexp.metrics.reports import ConfusionReport
from nnexp.runs.ensembles import reference_to
from nnexp.task import Task
from nnexp.tracking.journal import TOTAL_TIME

PREFIXES = {"val": BEST, "test": TEST}  # of the metrics of a split
MEMBER_METRIC = "members/{number}/{split}_{score}"


@dataclass(repr=False)
class EnsembleResult:
    """The result of an ensemble."""

    folder: Path  # of its run, under outputs/
    name: str  # of its run
    task: Task
    members: Sequence[Member]
    splits: dict[str, SplitResult]  # test, and val where all members have the same validation examples
    member_scores: dict[str, list[float]]  # of each member, by split
    seconds: float
    run_id: str = ""  # of the MLflow run; empty where there is none
    metrics: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        score = self.task.score
        self.metrics = {}
        for split, result in self.splits.items():
            self.metrics |= {f"{PREFIXES[split]}{name}": value for name, value in result.metrics().items()}
        if self.interval is not None:
            low, high = self.interval
            self.metrics |= {f"{TEST}{score}_lower": low, f"{TEST}{score}_upper": high}
        for split, scores in self.member_scores.items():
            for number, value in enumerate(scores, 1):
                self.metrics[MEMBER_METRIC.format(number=number, split=split, score=score)] = value
        self.metrics[TOTAL_TIME] = self.seconds

    def score(self, split: str = "test") -> float:
        """Return the ensemble's main metric on a split."""
        return self.metrics[f"{PREFIXES[split]}{self.task.score}"]

    @property
    def errors(self) -> int | None:
        """How many test examples are misclassified; None of other tasks than a classification."""
        report = self.splits["test"].report
        if not isinstance(report, ConfusionReport):
            return None
        return int(report.matrix.sum() - report.matrix.trace())

    @property
    def examples(self) -> int:
        """How many test examples there are."""
        return len(self.splits["test"].predictions.index)

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the test accuracy of a classification, over the choice of test examples."""
        return None if self.errors is None else wilson_interval(self.examples - self.errors, self.examples)

    @property
    def best_member(self) -> int:
        """The number, from 1, of the member with the highest test score."""
        scores = self.member_scores["test"]
        return 1 + max(range(len(scores)), key=scores.__getitem__)

    @property
    def mean_of_members(self) -> float:
        """The mean of the members' test scores."""
        scores = self.member_scores["test"]
        return sum(scores) / len(scores)

    def describe_members(self) -> list[dict[str, Any]]:
        """Describe each member with its scores, JSON-like."""
        rows = []
        for i, member in enumerate(self.members):
            scores = self.member_scores.items()
            identity = {"number": i + 1, "run": reference_to(member.run), "name": member.run.name}
            place = {"folder": str(member.run.folder or ""), "experiment": member.run.experiment}
            size = {"parameters": len(member.predictor.network.parameters)}
            of_splits = {f"{split}_{self.task.score}": values[i] for split, values in scores}
            rows.append(identity | place | size | of_splits)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "id": self.run_id,
            "name": self.name,
            "task": self.task.name,
            "examples": self.examples,
            "errors": self.errors,
            "interval": self.interval,
            "metrics": self.metrics,
            "best_member": self.best_member,
            "mean_of_members": self.mean_of_members,
            "members": self.describe_members(),
            "folder": str(self.folder),
        }
