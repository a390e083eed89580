"""The training loop of an experiment: consumes the trainer's evaluations, and decides in plain sight."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext

from nnexp.config import Settings
from nnexp.experiment.checkpoints import Checkpoints
from nnexp.experiment.components import Components
from nnexp.experiment.confusion_log import ConfusionLogger
from nnexp.experiment.display import Display
from nnexp.experiment.evaluation import further_metrics
from nnexp.experiment.failures.divergence import finite_evaluations
from nnexp.experiment.interruption import Interruption
from nnexp.experiment.result import Result
from nnexp.tracking.journal import Journal
from nnexp.training.checkpoint.checkpoint_file import Checkpoint
from nnexp.training.rewind import Rewind

ShouldPrune = Callable[[int, Mapping[str, float]], bool]
"""Takes the number of completed epochs and the metrics of an evaluation; returns whether to end there."""


def train(
    settings: Settings,
    components: Components,
    result: Result,
    journal: Journal,
    display: Display,
    interruption: Interruption,
    *,
    began: float,
    checkpoint: Checkpoint | None = None,
    kept: tuple[str, ...] = (),
    evaluations: int | None = None,
    should_prune: ShouldPrune | None = None,
) -> None:
    """Train; after every evaluation log it, keep the best weights, show it, and stop early or prune.

    Args:
        settings: of the run.
        components: at their start.
        result: gets the history.
        journal: is written to.
        display: shows each evaluation.
        interruption: says whether a signal asks for the end, which comes after a checkpoint.
        began: when the run began, by `perf_counter`, so that sessions before this one count.
        checkpoint: the state to go on from; None: the start.
        kept: names of the state whose settings have changed since.
        evaluations: how many in all, where what the journal has is to be trained again; None: all.
        should_prune: is asked after each evaluation; None: nothing is pruned.
    """
    trainer = components.trainer
    trainer.further_metrics = further_metrics(settings, components)
    best = components.best
    confusion_log = ConfusionLogger(settings, components, journal)
    rewind = Rewind(trainer, best) if settings.trainer.on_nan == "rewind" else None
    checkpoints = Checkpoints(
        settings, components, result, journal, confusion_log, rewind=rewind, began=began
    )
    if checkpoint is not None:
        checkpoints.restore(checkpoint, kept)
    result.stopped = stop_reason(settings, components)
    if result.stopped:  # the checkpoint is that of its end
        return
    if interruption.received:
        trainer.pause()  # after a step: the checkpoint says that it has begun
    events = finite_evaluations(settings, components, rewind, display)
    logged = closing(confusion_log) if evaluations is None else nullcontext()
    initial_logged = logging_initial(components, journal)
    with display.training(trainer), initial_logged, closing(events), logged:
        for event in events:
            log_initial(components, journal)
            if event is None:
                checkpoints.write()
                checkpoints.schedule()
                interruption.check()
                continue
            record, predicted = event
            metrics = record.metrics() | confusion_log.update(record, predicted)
            if rewind is not None and rewind.count:
                metrics["rewinds"] = rewind.count
            journal.log_metrics(record.at, metrics)
            result.history.append(record)
            best.offer(record)
            if rewind is not None:
                rewind.keep()
            display.epoch(record, best)
            checkpoints.schedule_after(record)
            result.stopped = stop_reason(settings, components)
            is_pruned = should_prune is not None and should_prune(trainer.epochs_completed, metrics)
            if is_pruned and not result.stopped and not trainer.is_over:
                result.pruned = f"epoch {record.epoch}"
            if result.stopped or result.pruned or len(result.history) == evaluations:
                break
    checkpoints.write()


def log_initial(components: Components, journal: Journal, at_end: bool = False) -> None:
    """Log at step 0, once, the diagnostics of the layers before the first update."""
    if components.diagnostics is not None and (metrics := components.diagnostics.take_initial(at_end)):
        journal.log_metrics(0, metrics)


@contextmanager
def logging_initial(components: Components, journal: Journal) -> Iterator[None]:
    """Log them also where training diverges at once."""
    try:
        yield
    finally:
        log_initial(components, journal, at_end=True)


def stop_reason(settings: Settings, components: Components) -> str:
    """Return why training ends before its last epoch; empty if it does not."""
    limits = settings.trainer
    best = components.best
    may_stop = components.trainer.epochs_completed >= limits.min_epochs
    if may_stop and best.is_patience_exhausted(limits.patience):
        return f"no improvement in {best.evaluations_since_improvement} evaluations"
    if components.trainer.is_out_of_time:
        return f"time budget of {limits.time_budget:g} s is used up"
    return ""
