"""The interface of progress displays."""

from contextlib import AbstractContextManager, nullcontext

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.experiment.result import Result
from nnexp.tracking.upload.client import Outcome
from nnexp.training.best_weights import BestWeights
from nnexp.training.record import Record
from nnexp.training.trainer import Trainer


class Display:
    """Interface for progress displays; this one shows nothing."""

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        """Show what is about to run, before training."""

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        """Enclose all epochs."""
        return nullcontext()

    def epoch(self, record: Record, best: BestWeights) -> None:
        """Show an evaluation."""

    def message(self, label: str, text: str) -> None:
        """Show a message between two evaluations, or a warning before the header."""

    def waiting(self, reason: str) -> None:
        """Show that the run has ended, and what keeps its upload."""

    def uploading(self) -> None:
        """Show that training is over; plots and tracking are being finished."""

    def conclusion(self, settings: Settings, result: Result, outcome: Outcome) -> None:
        """Show how the run ended, and what became of its upload."""
