"""The result of an experiment."""

from dataclasses import dataclass, field
from pathlib import Path

from nnexp.experiment.evaluation import SplitResult
from nnexp.nn.network import Network
from nnexp.tracking.journal import Status
from nnexp.training.record import Record


@dataclass
class Result:
    """The result of an experiment.

    Attributes:
        folder: of the run, under outputs/.
        network: with the weights of the best epoch.
        optimized: the name of the metric that the run returns to a sweep.
        status: FINISHED, FAILED or KILLED.
        history: a record per evaluation.
        metrics: those that are logged once: best/..., test/..., time/total.
        splits: loss, report and predictions of the best weights on the validation ("val") and test ("test")
            split.
        run_id: of the MLflow run; empty where there is none.
        stopped: why training ended before its last epoch; empty where it did not.
    """

    folder: Path
    network: Network
    optimized: str
    status: Status = "FINISHED"
    history: list[Record] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    splits: dict[str, SplitResult] = field(default_factory=dict)
    run_id: str = ""
    stopped: str = ""

    @property
    def epochs(self) -> int:
        """The number of the last evaluated epoch."""
        return self.history[-1].epoch if self.history else 0

    @property
    def value(self) -> float:
        """What the run returns to a sweep."""
        return self.metrics[self.optimized]
