"""A table of runs, one row each: what all statistics of many runs are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import PurePath

from nnexp.metrics.metric_info import Direction, metric_info
from nnexp.metrics.objectives import objectives_of

REPEATS = ("seed", "data.fold")
"""Params whose values repeat a setting instead of making another one."""
OBJECTIVES = tuple(
    f"{when}{score}" for when in ("best/val_", "test/", "train/") for score in ("accuracy", "r2")
)
"""What runs are compared by without an `optimized_metric`: the first of these that they have."""


@dataclass(frozen=True)
class RunRow:
    """A run: what it was configured with, and what it reached."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]  # the last value of each
    status: str = "FINISHED"
    seconds: float | None = None
    id: str = ""  # to find the run again
    data: str = ""  # the SHA-256 of its data, if known
    code: str = ""  # the same of the code that trained it
    pruned: str = ""  # where a search has ended it: "epoch 3"

    @property
    def data_name(self) -> str:
        """The name of its data set: of files that of the file or folder."""
        name = self.params.get("data", "")
        path = self.params.get("data.path", "")
        return PurePath(path).name.partition(".")[0] or name if name in ("table", "images") else name

    @property
    def objective(self) -> str | None:
        """The name of the metric that it is compared by; None: it has none."""
        names = [*self.objectives, *(name for name in OBJECTIVES if name in self.metrics)]
        return names[0] if names else None

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics in its `optimized_metric`."""
        return objectives_of(self.params.get("optimized_metric"))

    @property
    def end(self) -> str:
        """How it has ended, for a reader: its status, or where it was pruned."""
        return f"pruned in {self.pruned}" if self.pruned else self.status

    def value(self, metric: str) -> float | None:
        """Return a metric of a finished run; None: it is not finite, or the run was pruned or is not over."""
        value = self.metrics.get(metric)
        has_finished = self.status == "FINISHED" and not self.pruned
        return value if has_finished and value is not None and isfinite(value) else None


@dataclass(frozen=True)
class RunTable:
    """The runs of a sweep, or any others."""

    rows: Sequence[RunRow]
    swept: Sequence[str] = ()  # the params that were swept; empty: all that differ
    metric: str | None = None  # that runs are compared by; None: the objective of each
    objectives: Sequence[str] = ()  # where several were optimized: the metric and the others
    directions: Mapping[str, Direction] = field(default_factory=dict)  # of metrics of one's own
    examples: Mapping[str, int] = field(default_factory=dict)  # of validation, by the name of the data
    ignored: Sequence[str] = ("tracking", "optimized_metric")  # params or sections that make no setting

    def direction(self, metric: str) -> Direction:
        """Return whether higher or lower values are better; of an unknown metric: higher."""
        name = metric.rpartition("/")[2].removeprefix("val_")
        direction = self.directions.get(metric) or self.directions.get(name) or metric_info(metric).direction
        return "higher" if direction == "neither" else direction


def varying(rows: Sequence[RunRow]) -> list[str]:
    """Return the params that differ between rows, in the order in which they first occur."""
    keys = dict.fromkeys(key for row in rows for key in row.params)
    return [key for key in keys if len({row.params.get(key) for row in rows}) > 1]
