"""The training loop of an experiment: consumes the trainer's evaluations, and decides in plain sight."""

from contextlib import closing

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.experiment.confusion_log import ConfusionLogger
from nnexp.experiment.display import Display
from nnexp.experiment.divergence import check_divergence
from nnexp.experiment.evaluation import evaluate_split
from nnexp.experiment.result import Result
from nnexp.tracking.journal import Journal


def train(
    settings: Settings, components: Components, result: Result, journal: Journal, display: Display
) -> None:
    """Train; after every evaluation log it, keep the best weights, show it, and stop early if asked to."""
    trainer = components.trainer
    best = components.best
    min_epochs = settings.trainer.min_epochs
    confusion_log = ConfusionLogger(settings, components, journal)
    with display.training(trainer), closing(trainer.epochs()) as evaluations, closing(confusion_log):
        for event in evaluations:
            if event is None:
                continue
            record, predicted = event
            metrics = record.metrics() | confusion_log.update(record, predicted)
            if components.metrics and components.validation is not None:
                own = evaluate_split(components, components.validation).own
                metrics |= {f"val/{name}": value for name, value in own.items()}
            journal.log_metrics(record.at, metrics)
            check_divergence(record, components.network.theta, trainer.steps_taken, settings.optimizer.lr)
            result.history.append(record)
            best.offer(record)
            display.epoch(record, best)
            may_stop = trainer.epochs_completed >= min_epochs
            if may_stop and best.is_patience_exhausted(settings.trainer.patience):
                result.stopped = f"no improvement in {best.evaluations_since_improvement} evaluations"
                return
    if trainer.is_out_of_time:
        result.stopped = f"time budget of {settings.trainer.time_budget:g} s is used up"
