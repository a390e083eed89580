"""The session of a run: its journal, new or reopened, its metadata, and the checkpoint to start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from filelock import Timeout

from nnexp.config import Settings
from nnexp.experiment.components import Components, build_components
from nnexp.experiment.display import Display
from nnexp.experiment.interruption import Interruption
from nnexp.experiment.metadata import write_resume_metadata, write_run_metadata
from nnexp.experiment.result import Result
from nnexp.experiment.sessions.resumption import (
    ResumeError,
    Resumption,
    check_data,
    check_epochs,
    check_not_running,
)
from nnexp.experiment.training_loop import train
from nnexp.messages import plural
from nnexp.run_folder import ERROR, RunFolder
from nnexp.tracking.active_runs import active
from nnexp.tracking.journal import Journal, journal_lock
from nnexp.training.checkpoint.checkpoint_file import Checkpoint, read_latest

LR_FACTOR = "step/lr_factor"  # of rewinds


@dataclass(frozen=True)
class Session:
    """An open journal, and the checkpoint to go on from, without the state in `kept`; None: the start."""

    journal: Journal
    checkpoint: Checkpoint | None = None
    kept: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The seconds of the sessions before."""
        return self.checkpoint.seconds if self.checkpoint is not None else 0.0


@contextmanager
def new_session(
    folder: Path,
    settings: Settings,
    components: Components,
    threads: int,
    home: Path,
    sweep_id: str,
    start_time: float,
    *,
    job_number: int | None = None,
    until_uploaded: bool = False,
) -> Iterator[Session]:
    """Begin the journal of a new run, with its metadata."""
    with Journal(folder) as journal, active(folder, home, until_uploaded):
        write_run_metadata(journal, settings, components, threads, home, sweep_id, start_time, job_number)
        yield Session(journal)


@contextmanager
def resumed_session(
    resumption: Resumption,
    components: Components,
    threads: int,
    display: Display,
    interruption: Interruption,
    *,
    until_uploaded: bool = False,
) -> Iterator[Session]:
    """Reopen the journal of a run and write what has changed.

    Other settings go on from the last evaluation at the earliest: where the newest checkpoint is older, the
    recorded ones train up to there first.

    Raises:
        ResumeError: another process trains it, or its data have changed.
    """
    folder = resumption.folder
    check_data(folder, components)
    try:
        lock = journal_lock(folder).acquire()
    except Timeout as error:
        raise ResumeError(f"{folder}: another process is resuming the run at this moment") from error
    with lock:
        check_not_running(folder, RunFolder(folder).entries())
        journal = Journal.reopen(folder)
        checkpoint, problems = read_latest(folder)
        for problem in problems:
            display.message("note", f"not used: {problem}")
        if checkpoint is not None:
            check_epochs(resumption, checkpoint.epoch - 1)
        if resumption.needs_replay(checkpoint):
            count = plural(resumption.evaluations, "evaluation")
            display.message("replay", f"with the recorded settings, up to the last of {count}")
            checkpoint = replay(resumption, journal, components, checkpoint, interruption)
        write_resume_metadata(journal, resumption.settings, threads, resumption.home, checkpoint)
        (folder / ERROR).unlink(missing_ok=True)
    is_new_lr = any(change.key == "optimizer.lr" for change in resumption.changes)
    kept = (LR_FACTOR,) if is_new_lr else ()  # a learning rate that is typed is not halved by earlier rewinds
    display.message("resumed", describe_start(resumption.settings, components, checkpoint, kept))
    with journal, active(folder, resumption.home, until_uploaded):
        yield Session(journal, checkpoint, kept)


def replay(
    resumption: Resumption,
    journal: Journal,
    components: Components,
    checkpoint: Checkpoint | None,
    interruption: Interruption,
) -> Checkpoint | None:
    """Train with the recorded settings up to the journal's last evaluation; return the checkpoint there."""
    settings = resumption.recorded
    former = build_components(settings, components.dataset)
    result = Result(resumption.folder, former.network, ())
    began = perf_counter() - (checkpoint.seconds if checkpoint is not None else 0.0)
    with interruption.deferred(former.trainer.pause):
        train(
            settings,
            former,
            result,
            journal,
            Display(),
            interruption,
            began=began,
            checkpoint=checkpoint,
            evaluations=resumption.evaluations,
        )
    return read_latest(resumption.folder)[0]


def describe_start(
    settings: Settings, components: Components, checkpoint: Checkpoint | None, kept: tuple[str, ...] = ()
) -> str:
    """Describe where training goes on, and what the schedule does there."""
    if checkpoint is None:
        return "from the start: there is no checkpoint"
    step = components.trainer.optimizer_step
    text = f"at step {checkpoint.step:,} of {step.steps_planned:,}, in epoch {checkpoint.epoch}"
    if not checkpoint.history:
        return text
    progress = min(checkpoint.step / step.steps_planned, 1.0)
    factor = 1.0 if LR_FACTOR in kept else checkpoint.state.values.get(LR_FACTOR, 1.0)
    lr = settings.optimizer.lr * settings.schedule(progress) * factor
    former = checkpoint.history[-1].lr
    return f"{text}; learning rate {lr:.3g} (last: {former:.3g}), the schedule at {progress:.0%} of the run"
