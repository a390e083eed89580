"""The display of a job of a sweep: sends events, and keeps in the job's log what a terminal would show."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.experiment.display import Display
from nnexp.experiment.result import Result
from nnexp.messages import listed
from nnexp.sweeps.execution.events import JobMessage, JobProgress, Send
from nnexp.tracking.upload.client import Outcome
from nnexp.training.best_weights import BestWeights
from nnexp.training.record import Record
from nnexp.training.trainer import Trainer

log = logging.getLogger("nnexp")
MAX_FILES = 3  # that cannot be read, in a message; the job's log names more
Describe = Callable[[Settings, Components, int], list[tuple[str, str]]]  # a run's header: labels and texts


class EventDisplay(Display):
    """Sends what happens to a job as events.

    Attributes:
        result: of the job, once it has ended.
    """

    def __init__(self, number: int, send: Send, describe: Describe) -> None:
        self.number = number
        self.send = send
        self.describe = describe
        self.result: Result | None = None

    def header(self, settings: Settings, components: Components, threads: int) -> None:
        for label, text in self.describe(settings, components, threads):
            log.info("%-10s%s", label, text)
        if components.dataset.left_out:
            heading, *files = components.dataset.left_out
            self.send(JobMessage(self.number, "data", f"skipped: {heading} {listed(files, MAX_FILES)}"))

    def message(self, label: str, text: str) -> None:
        log.info("%-10s%s", label, text)
        self.send(JobMessage(self.number, label, text))

    def training(self, trainer: Trainer) -> AbstractContextManager[None]:
        self.epochs = trainer.n_epochs
        return nullcontext()

    def epoch(self, record: Record, best: BestWeights) -> None:
        metrics = {name: value for name, value in record.metrics().items() if name not in record.layers}
        text = " ".join(f"{name} {value:.5g}" for name, value in metrics.items())
        log.info("epoch %d: %s", record.epoch, text)
        self.send(JobProgress(self.number, record.epoch, self.epochs, metrics))

    def conclusion(self, settings: Settings, result: Result, outcome: Outcome) -> None:
        self.result = result
        text = " ".join(f"{name} {value:.5g}" for name, value in result.metrics.items())
        status = "PRUNED" if result.pruned else result.status
        log.info("%s after %d epochs: %s", status, result.epochs, text or "no results")
