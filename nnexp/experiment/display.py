"""The interface of progress displays, and a run's summary."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.tracking.upload.client import Outcome
from nnexp.training.best_weights import BestWeights
from nnexp.training.trainer import Record, Trainer


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Attributes:
        name: of the run.
        status: FINISHED, FAILED or KILLED.
        metrics: those that are logged once.
        epochs: completed.
        planned: epochs asked for.
        folder: of the run.
        outcome: of the upload to MLflow.
        tracked: whether tracking was enabled.
        stopped: why training ended early, if it did.
    """

    name: str
    status: str
    metrics: Mapping[str, float]
    epochs: int
    planned: int
    folder: Path
    outcome: Outcome
    tracked: bool
    stopped: str = ""


class Display:
    """Interface for progress displays; this one shows nothing."""

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        """Show what is about to run, before training."""

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        """Enclose all epochs."""
        return nullcontext()

    def epoch(self, record: Record, best: BestWeights) -> None:
        """Show an evaluation."""

    def uploading(self) -> None:
        """Show that training is over; plots and tracking are being finished."""

    def conclusion(self, summary: RunSummary) -> None:
        """Show how the run ended."""
