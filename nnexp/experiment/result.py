"""The result of an experiment."""

from dataclasses import dataclass, field
from pathlib import Path

from nnexp.experiment.evaluation import SplitResult
from nnexp.nn.network import Network
from nnexp.tracking.journal import Status
from nnexp.training.record import Record


@dataclass
class Result:
    """The result of an experiment."""

    folder: Path  # of the run, under outputs/
    network: Network  # with the weights of the best epoch
    optimized: str  # the name of the metric that the run returns to a sweep
    status: Status = "FINISHED"  # FINISHED, FAILED or KILLED
    history: list[Record] = field(default_factory=list)  # a record per evaluation
    metrics: dict[str, float] = field(default_factory=dict)  # best/..., test/..., time/total: logged once
    splits: dict[str, SplitResult] = field(default_factory=dict)  # of the best weights: val, test
    run_id: str = ""  # of the MLflow run; empty where there is none
    stopped: str = ""  # why training ended before its last epoch; empty where it did not

    @property
    def epochs(self) -> int:
        """The number of the last evaluated epoch."""
        return self.history[-1].epoch if self.history else 0

    @property
    def value(self) -> float:
        """What the run returns to a sweep."""
        return self.metrics[self.optimized]
