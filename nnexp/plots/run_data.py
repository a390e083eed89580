"""What a run's folder holds, read once for all plots of the run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nnexp.metrics.predictions import Predictions
from nnexp.run_folder import LAYERS, SPLITS, Arrays, Entry, History, RunFolder, history, unit_of
from nnexp.tasks import Task, task_of, task_of_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

Plot = tuple[str, Callable[[], "Figure | Image"]]
"""The path of a plot in the run's folder, and the function that draws it."""


@dataclass(frozen=True)
class RunData:
    """The data of a run; empty values where a file is missing.

    Args:
        folder: the run's.
        entries: of its journal.
    """

    folder: RunFolder
    entries: list[Entry]

    @cached_property
    def dataset(self) -> dict[str, Any]:
        """Shape, classes and targets of the data set."""
        return self.folder.dataset

    @cached_property
    def task(self) -> Task | None:
        """The kind of task; None: the run ended before it was known."""
        if name := self.dataset.get("task"):
            return task_of(name)
        return task_of_metrics(self.history[0][1]) if self.history else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of classes, labels or targets."""
        return self.task.names(self.dataset) if self.task else ()

    @property
    def unit(self) -> str:
        """What the steps of metrics count: epoch or step."""
        return unit_of(self.entries)

    @cached_property
    def history(self) -> History:
        """The metrics of each evaluation."""
        return [(step, values) for step, values in history(self.entries) if "train/loss" in values]

    @cached_property
    def layers(self) -> Arrays:
        """Histograms of each layer."""
        return self.folder.arrays(LAYERS)

    @cached_property
    def splits(self) -> "list[SplitData]":
        """The evaluated splits."""
        return [SplitData(self, key, name) for key, name in SPLITS]


@dataclass(frozen=True)
class SplitData:
    """The data of a split of a run.

    Args:
        run: the run.
        key: in paths: "val" or "test".
        name: for a reader.
    """

    run: RunData
    key: str
    name: str

    @cached_property
    def report(self) -> dict[str, Any]:
        """The evaluation report."""
        return self.run.folder.report(self.run.task.report_folder, self.key) if self.run.task else {}

    @cached_property
    def predictions(self) -> Predictions | None:
        """The predictions; None: there are none."""
        arrays = self.run.folder.predictions(self.key)
        return Predictions.from_arrays(arrays) if arrays else None
