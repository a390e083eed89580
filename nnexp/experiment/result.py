"""The result of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.experiment.evaluation import SplitResult
from nnexp.messages import plural
from nnexp.metrics.objectives import Value, objective_value
from nnexp.nn.network import Network
from nnexp.tracking.journal import Status
from nnexp.training.record import Record

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(repr=False)
class Result:
    """The result of an experiment."""

    folder: Path  # of the run, under outputs/
    network: Network  # with the weights of the best epoch
    optimized: tuple[str, ...]  # the names of the metrics that the run returns to a sweep; empty: none
    status: Status = "FINISHED"  # FINISHED, FAILED or KILLED
    history: list[Record] = field(default_factory=list)  # a record per evaluation
    metrics: dict[str, float] = field(default_factory=dict)  # best/..., test/..., time/total: logged once
    splits: dict[str, SplitResult] = field(default_factory=dict)  # of the best weights: val, test
    run_id: str = ""  # of the MLflow run; empty where there is none
    stopped: str = ""  # why training ended before its last epoch; empty where it did not
    pruned: str = ""  # where a search has ended the run: "epoch 3"; empty where it did not
    name: str = ""  # of the run

    @property
    def epochs(self) -> int:
        """The number of the last evaluated epoch."""
        return self.history[-1].epoch if self.history else 0

    @property
    def last(self) -> int:
        """The step or epoch of the last evaluation."""
        return self.history[-1].at if self.history else 0

    @property
    def value(self) -> Value | None:
        """What the run returns to a sweep: a number, or one for each of several objectives.

        None where the best weights do not define it.
        """
        return objective_value(self.optimized, self.metrics)

    def history_frame(self) -> "DataFrame":
        """Return the metrics of each evaluation by their logged names; the index is the epoch or step."""
        from nnexp.runs.frames import history_frame
        from nnexp.runs.run import in_folder

        run = in_folder(self.folder)
        return history_frame(run.history(), run.unit)

    def _summary(self) -> Mapping[str, str]:
        from nnexp.runs.summary import summarize

        trained = plural(self.epochs, "epoch") + (f", stopped early: {self.stopped}" if self.stopped else "")
        trained += f", pruned in {self.pruned}" if self.pruned else ""
        return summarize(self.name, self.run_id, self.status, self.metrics, trained, self.folder)

    def __repr__(self) -> str:
        from nnexp.runs.summary import as_text

        return as_text(self._summary())

    def _repr_html_(self) -> str:
        from nnexp.runs.summary import as_html

        return as_html(self._summary())
