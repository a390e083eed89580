"""What a run's folder holds, read once for all plots of the run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nnexp.metrics.predictions import Predictions
from nnexp.plots.text import numbered
from nnexp.run_folder import SPLITS, Entry, History, RunFolder, history, unit_of
from nnexp.task import Task
from nnexp.tasks import task_of, task_of_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

Plot = tuple[str, Callable[[], "Figure | Image"]]
"""The path of a plot in the run's folder, and the function that draws it."""


@dataclass(frozen=True)
class RunData:
    """The data of a run, from its folder and the entries of its journal; empty where files are missing."""

    folder: RunFolder
    entries: list[Entry]

    @cached_property
    def dataset(self) -> dict[str, Any]:
        return self.folder.dataset

    @cached_property
    def task(self) -> Task | None:
        """The kind of task; None: the run ended before it was known."""
        if name := self.dataset.get("task"):
            return task_of(name)
        return task_of_metrics(self.epochs[0][1]) if self.epochs else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of classes, labels or targets, numbered where no font has them."""
        return numbered(self.original_names, self.noun)

    @property
    def original_names(self) -> tuple[str, ...]:
        return self.task.names(self.dataset) if self.task else ()

    @property
    def noun(self) -> str:
        """What the names are those of: class, label or target."""
        return self.task.per_output.removeprefix("per_") if self.task else ""

    @property
    def unit(self) -> str:
        """What the steps of metrics count: epoch or step."""
        return unit_of(self.entries)

    @cached_property
    def epochs(self) -> History:
        """The metrics of each evaluation."""
        return [(step, values) for step, values in history(self.entries) if "train/loss" in values]

    @cached_property
    def splits(self) -> "list[SplitData]":
        return [SplitData(self, key, name) for key, name in SPLITS]


@dataclass(frozen=True)
class SplitData:
    """The data of a split of a run: `key` is its name in paths, `name` the word."""

    run: RunData
    key: str
    name: str

    @cached_property
    def report(self) -> dict[str, Any]:
        """The evaluation report."""
        return self.run.folder.report(self.run.task.report_folder, self.key) if self.run.task else {}

    @cached_property
    def predictions(self) -> Predictions | None:
        arrays = self.run.folder.predictions(self.key)
        return Predictions.from_arrays(arrays) if arrays else None
