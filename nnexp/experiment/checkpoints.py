"""Checkpoints of a run: when they are due, what they hold, and how a run starts from one."""

from time import perf_counter

from nnexp.config import Settings
from nnexp.config.naming import config_hash
from nnexp.experiment.components import Components
from nnexp.experiment.confusion_log import ConfusionLogger
from nnexp.experiment.result import Result
from nnexp.tracking.journal import Journal
from nnexp.training.checkpoint.checkpoint_file import KEPT, Checkpoint, write_checkpoint
from nnexp.training.checkpoint.state import Root
from nnexp.training.checkpoint.training_state import TrainingState
from nnexp.training.non_finite import is_finite
from nnexp.training.record import Record
from nnexp.training.rewind import Rewind


class Checkpoints:
    """Writes the checkpoints of a run, and restores one.

    Args:
        settings: say how often.
        components: at their start; a run that goes on from a checkpoint restores it afterwards.
        result: its history belongs to a checkpoint.
        journal: holds at least what a checkpoint holds.
        confusion_log: has a matrix that is not logged yet.
        rewind: has the state of an earlier evaluation; None: there are no rewinds.
        began: when the run began, by `perf_counter`; earlier if sessions before this one count.
    """

    def __init__(
        self,
        settings: Settings,
        components: Components,
        result: Result,
        journal: Journal,
        confusion_log: ConfusionLogger,
        *,
        rewind: Rewind | None,
        began: float,
    ) -> None:
        self.settings = settings
        self.components = components
        self.result = result
        self.journal = journal
        self.rewind = rewind
        self.began = began
        others = {"confusion": Root(confusion_log, only=("record", "matrix"))}
        if rewind is not None:
            others["rewind"] = Root(self, only=("rewind",))
        self.state = TrainingState(components.trainer, components.best, others)
        self.epoch = 0  # of the last checkpoint that epochs made due
        self.schedule()

    def schedule(self) -> None:
        """Make training pause when the next checkpoint is due by time."""
        if self.settings.checkpoint.seconds is not None:
            self.components.trainer.pause(self.settings.checkpoint.seconds)

    def schedule_after(self, record: Record) -> None:
        """Make training pause after this evaluation if a checkpoint is due by epochs."""
        every = self.settings.checkpoint.epochs
        epochs = self.components.trainer.epochs_completed
        if every is not None and epochs // every > self.epoch // every:
            self.epoch = epochs
            self.components.trainer.pause()

    def write(self, kept: int = KEPT) -> None:
        """Write a checkpoint, unless training has diverged; the last good one stays then."""
        components = self.components
        if not is_finite(components.network):
            return
        self.journal.sync()
        trainer = components.trainer
        checkpoint = Checkpoint(
            step=trainer.steps_taken,
            epoch=trainer.epoch,
            seconds=perf_counter() - self.began,
            config_hash=config_hash(self.settings.values),
            data_sha256=components.dataset.sha256,
            state=self.state.capture(),
            history=tuple(self.result.history),
        )
        write_checkpoint(self.result.folder, checkpoint, kept)

    def restore(self, checkpoint: Checkpoint, kept: tuple[str, ...] = ()) -> None:
        """Set the run to the state of a checkpoint; names in `kept` keep their present values.

        Records that a damaged journal lacks are written from its history.

        Raises:
            StateError: it belongs to components that were built otherwise.
        """
        self.state.restore(checkpoint.state, kept)
        if self.rewind is not None and not self.rewind.is_restored:
            self.rewind.keep()
        self.result.history[:] = checkpoint.history
        for record in checkpoint.history:
            self.journal.log_metrics(record.at, record.metrics())
        self.epoch = self.components.trainer.epochs_completed
