"""The training loop as a generator of records: train, evaluate, yield.

Its consumer decides what happens between two records: log, keep the best weights, stop.
"""

from collections.abc import Generator
from dataclasses import KW_ONLY, dataclass
from math import ceil, inf, isfinite
from time import perf_counter
from typing import Literal

from nnexp.data.batches import Batches
from nnexp.metrics.running import RunningMetric
from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.training.evaluation import FurtherMetrics, Targets, evaluate
from nnexp.training.non_finite import NonFiniteError
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.record import Record, Totals
from nnexp.training.threads.products import Products

Unit = Literal["epoch", "step"]
Evaluation = tuple[Record, Targets | None]  # and the predictions for the validation examples


@dataclass(eq=False)
class Trainer:
    """Trains a network, epoch by epoch.

    A time budget may end training within an epoch; a schedule's progress is then that of the steps or that of
    the time, whichever is further.
    """

    network: Network  # initialized
    loss: Loss  # allocated for the network's outputs
    score: RunningMetric  # the running metric beside the loss
    optimizer_step: OptimizerStep  # updates the weights; planned for all steps of all epochs
    train: Batches  # batches in a new order in every pass
    validation: Batches | None  # batches in a fixed order; None: no evaluation
    _: KW_ONLY
    n_epochs: int  # how many
    evaluate_every: int | None = None  # the steps between two evaluations; None evaluates at each epoch's end
    time_budget: float | None = None  # seconds of training; None for no limit
    further_metrics: FurtherMetrics | None = None  # of each finite evaluation, beside loss and score

    def __post_init__(self) -> None:
        self.steps_per_epoch = steps_per_epoch(self.train, self.optimizer_step.accumulate)
        self.products = Products()  # of the layers; those of a run may be shared by threads
        self.epoch = 1  # the one in progress
        self.seconds = 0.0  # of training, so far
        self.pause_at = inf  # when training pauses, by `perf_counter`
        self.start_record()

    @property
    def unit(self) -> Unit:
        """The unit of a record's number: "epoch" or "step"."""
        return "epoch" if self.evaluate_every is None else "step"

    @property
    def steps_planned(self) -> int:
        """The steps of the whole run."""
        return self.optimizer_step.steps_planned

    @property
    def steps_taken(self) -> int:
        """The steps so far."""
        return self.optimizer_step.steps_taken

    @property
    def epochs_completed(self) -> int:
        """The epochs so far."""
        return self.epoch - 1

    @property
    def is_out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        return self.time_budget is not None and self.optimizer_step.elapsed > 1

    @property
    def is_over(self) -> bool:
        """Whether no step is left."""
        return self.epoch > self.n_epochs or self.is_out_of_time

    def pause(self, seconds: float = -inf) -> None:
        """Make `epochs` pause after so many seconds, by default after the step in progress; signal-safe."""
        self.pause_at = perf_counter() + seconds

    def epochs(self) -> Generator[Evaluation | None]:
        """Train; after each epoch, or every so many steps and at the end, evaluate and yield.

        A record, and the predictions for the validation examples, if there are any. Until the next record is
        asked for, the network holds the weights to keep: an average, if there is one.

        None is a pause that was asked for, between two steps.
        """
        while not self.is_over:
            is_due = self.train_until_pause()
            epoch = self.epoch
            has_ended = self.train.position is None
            self.epoch += int(has_ended)
            is_due |= has_ended and (self.evaluate_every is None or self.is_over)
            if is_due and self.totals.examples:
                with self.optimizer_step.averaging.applied():
                    record, predicted = self.record(epoch)
                    if record.val_loss is not None:
                        self.optimizer_step.schedule.observe(record.val_loss)
                    self.start_record()
                    yield record, predicted
            if perf_counter() >= self.pause_at:
                self.pause_at = inf
                yield None

    def train_until_pause(self) -> bool:
        """Train to the epoch's end, an evaluation or a pause; return whether an evaluation is due."""
        with flushed_denormals(), self.products.running():
            return self.train_steps()

    def train_steps(self) -> bool:
        """Train in prose: batch, forward, loss, backward, step."""
        network, loss, score, totals = self.network, self.loss, self.score, self.totals
        step = self.optimizer_step
        start = perf_counter()
        is_due = False
        for x, y in self.train.rest():
            z = network.forward(x, training=True, observe=step.observers)
            batch_loss = loss.forward(z, y)
            if not -inf < batch_loss < inf:
                raise NonFiniteError("loss", batch_loss)
            totals.add_batch(batch_loss, loss.weight(y), len(y))
            score.update(z, y)
            network.backward(loss.backward())
            is_due = self.after_step(step(len(y)), start)
            self.products.after_step()
            if is_due or perf_counter() >= self.pause_at:
                break
        else:
            is_due = self.after_step(step.flush(), start)
        if self.is_out_of_time:
            totals.add_step(step.flush())
        seconds = perf_counter() - start
        totals.seconds += seconds
        self.seconds += seconds
        return is_due

    def after_step(self, grad_norm: float | None, start: float) -> bool:
        """Add the gradient norm of a step, if there was one; return whether an evaluation is due."""
        self.totals.add_step(grad_norm)
        if self.time_budget is not None:
            self.optimizer_step.set_elapsed((self.seconds + perf_counter() - start) / self.time_budget)
            if self.is_out_of_time:
                return True
        if self.evaluate_every is None or grad_norm is None:
            return False
        return self.steps_taken % self.evaluate_every == 0

    def start_record(self) -> None:
        """Reset all sums for a new record."""
        self.totals = Totals()
        self.score.reset()
        if self.optimizer_step.diagnostics is not None:
            period = self.evaluate_every or self.steps_per_epoch
            steps = min(period, max(self.steps_planned - self.steps_taken, 0))
            may_end_early = self.time_budget is not None
            self.optimizer_step.diagnostics.start(self.steps_taken, steps, may_end_early=may_end_early)

    def record(self, epoch: int) -> tuple[Record, Targets | None]:
        """Evaluate on validation examples, if any; return the record since the last one, and predictions."""
        totals = self.totals
        diagnostics = self.optimizer_step.diagnostics
        train_score = self.score.value
        validation = None
        val_metrics: dict[str, float] = {}
        if self.validation is not None:
            keep_outputs = self.further_metrics is not None
            with flushed_denormals(), self.products.running(timed=False):
                validation = evaluate(self.network, self.loss, self.score, self.validation, keep_outputs)
            if self.further_metrics is not None and isfinite(validation.loss):
                val_metrics = self.further_metrics(validation)
        at = epoch if self.evaluate_every is None else self.steps_taken
        record = Record(
            at=at,
            epoch=epoch,
            train_loss=totals.mean_loss,
            train_score=train_score,
            val_loss=None if validation is None else validation.loss,
            val_score=None if validation is None else validation.score,
            lr=self.optimizer_step.lr,
            grad_norm=totals.mean_norm,
            seconds=totals.seconds,
            examples_per_second=totals.examples / totals.seconds,
            score_name=self.score.name,
            layers={} if diagnostics is None else diagnostics.measure(at),
            val_metrics=val_metrics,
        )
        return record, None if validation is None else validation.predicted


def steps_per_epoch(train: Batches, accumulate: int) -> int:
    """Count the steps of an epoch; the last one may have fewer than `accumulate` batches."""
    return ceil(len(train) / accumulate)
