"""The training loop as a generator of records: train, evaluate, yield.

Its consumer decides what happens between two records: log, keep the best weights, stop.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nnexp.metrics.running import RunningMetric
from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep

Array = NDArray[np.floating]
Targets = NDArray[Any]
Unit = Literal["epoch", "step"]


class Examples(Protocol):
    """Batches, pass after pass."""

    @property
    def examples(self) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Array, Targets]]: ...


@dataclass(frozen=True)
class Record:
    """The metrics of one epoch, or of the steps between two evaluations.

    Attributes:
        at: the step that it is logged under: the epoch, or the step where evaluation goes by steps.
        epoch: from 1; the one that the evaluation falls into.
        train_loss, train_score: means over the examples since the last record, each measured before its step.
        val_loss, val_score: after the last step.
        lr: the learning rate of the last step.
        grad_norm: the mean over the steps of the gradient's Euclidean norm.
        seconds: of training, without evaluation.
        examples_per_second: of training.
        score_name: accuracy or r2.
        layers: diagnostics of each layer, by metric name.
    """

    at: int
    epoch: int
    train_loss: float
    train_score: float
    val_loss: float
    val_score: float
    lr: float
    grad_norm: float
    seconds: float
    examples_per_second: float
    score_name: str = "accuracy"
    layers: dict[str, float] = field(default_factory=dict, hash=False, repr=False)

    def metrics(self) -> dict[str, float]:
        """Return the values by the names that they are logged under."""
        return {
            "train/loss": self.train_loss,
            f"train/{self.score_name}": self.train_score,
            "val/loss": self.val_loss,
            f"val/{self.score_name}": self.val_score,
            "lr": self.lr,
            "grad/norm": self.grad_norm,
            "time/epoch": self.seconds,
            "examples_per_second": self.examples_per_second,
        } | self.layers


@dataclass
class Totals:
    """Sums over the batches and the steps since the last record."""

    loss_sum: float = 0.0
    loss_weight: float = 0.0
    examples: int = 0
    norm_sum: float = 0.0
    steps: int = 0
    seconds: float = 0.0

    def add_batch(self, loss: float, weight: float, examples: int) -> None:
        """Add the mean loss of a batch."""
        self.loss_sum += loss * weight
        self.loss_weight += weight
        self.examples += examples

    def add_step(self, grad_norm: float | None) -> None:
        """Add the gradient's norm; None means that no step was made."""
        if grad_norm is not None:
            self.norm_sum += grad_norm
            self.steps += 1

    @property
    def mean_loss(self) -> float:
        """The mean loss of the examples."""
        return self.loss_sum / self.loss_weight


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a network on some examples.

    Attributes:
        loss: the mean.
        score: accuracy or R2.
        predicted: of each example: the class (N,), the labels (N, L) or the scaled targets (N, T).
        outputs: (N, O) if they are kept, else empty.
    """

    loss: float
    score: float
    predicted: Targets
    outputs: Array


class Trainer:
    """Trains a network, epoch by epoch.

    Args:
        network: initialized.
        loss: allocated for the network's outputs.
        score: the running metric beside the loss.
        optimizer_step: updates the weights; planned for `epochs` times the steps of an epoch.
        train: batches in a new order in every pass.
        validation: batches in a fixed order.
        epochs: how many.
        evaluate_every: the steps between two evaluations; None evaluates at each epoch's end.
        time_budget: the seconds of training after which it ends, even within an epoch; None for no limit. The
            progress of a schedule is then that of the steps or that of the time, whichever is further.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        score: RunningMetric,
        optimizer_step: OptimizerStep,
        train: Examples,
        validation: Examples,
        *,
        epochs: int,
        evaluate_every: int | None = None,
        time_budget: float | None = None,
    ) -> None:
        self.network = network
        self.loss = loss
        self.score = score
        self.optimizer_step = optimizer_step
        self.train = train
        self.validation = validation
        self.n_epochs = epochs
        self.evaluate_every = evaluate_every
        self.time_budget = time_budget
        self.steps_per_epoch = steps_per_epoch(train, optimizer_step.accumulate)
        self.seconds = 0.0  # of training, so far
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
        return self.steps_taken // self.steps_per_epoch

    @property
    def is_out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        return self.time_budget is not None and self.optimizer_step.elapsed > 1

    def epochs(self) -> Generator[tuple[Record, Targets]]:
        """Train; evaluate and yield a record after each epoch, or every so many steps and at the end.

        Beside it, the predictions for the validation examples. Until the next record is asked for, the network
        holds the weights to keep: an average, if there is one.
        """
        for epoch in range(1, self.n_epochs + 1):
            batches = iter(self.train)
            epoch_ended = False
            while not epoch_ended:
                epoch_ended = self.train_until_evaluation(batches)
                is_last = self.is_out_of_time or (epoch_ended and epoch == self.n_epochs)
                if self.totals.examples and (is_last or not epoch_ended or self.evaluate_every is None):
                    with self.optimizer_step.averaging.applied():
                        record, predicted = self.record(epoch)
                        self.optimizer_step.schedule.observe(record.val_loss)
                        yield record, predicted
                    self.start_record()
                if is_last:
                    return

    @flushed_denormals()
    def train_until_evaluation(self, batches: Iterator[tuple[Array, Targets]]) -> bool:
        """Train on these batches until an evaluation is due; return whether the batches ended before."""
        network, loss, score, step = self.network, self.loss, self.score, self.optimizer_step
        totals = self.totals
        start = perf_counter()
        is_due = False
        for x, y in batches:
            z = network.forward(x, training=True)
            batch_loss = loss.forward(z, y)
            totals.add_batch(batch_loss, loss.weight(y), len(y))
            score.update(z, y)
            network.backward(loss.backward())
            grad_norm = step(len(y))
            totals.add_step(grad_norm)
            if is_due := self.is_evaluation_due(grad_norm, start):
                break
        else:
            grad_norm = step.flush()
            totals.add_step(grad_norm)
            is_due = self.is_evaluation_due(grad_norm, start)
        if is_due and self.time_budget is not None:
            totals.add_step(step.flush())
        seconds = perf_counter() - start
        totals.seconds += seconds
        self.seconds += seconds
        return not is_due

    def is_evaluation_due(self, grad_norm: float | None, start: float) -> bool:
        """Decide whether to evaluate before the next batch; a gradient norm means that a step was just made."""
        if self.time_budget is not None:
            self.optimizer_step.set_elapsed((self.seconds + perf_counter() - start) / self.time_budget)
            if self.is_out_of_time:
                return True
        was_stepped = grad_norm is not None
        return self.evaluate_every is not None and was_stepped and self.steps_taken % self.evaluate_every == 0

    def start_record(self) -> None:
        """Reset all sums for a new record."""
        self.totals = Totals()
        self.score.reset()
        if self.optimizer_step.diagnostics is not None:
            period = self.evaluate_every or self.steps_per_epoch
            steps = min(period, max(self.steps_planned - self.steps_taken, 0))
            may_end_early = self.time_budget is not None
            self.optimizer_step.diagnostics.start(self.steps_taken, steps, may_end_early=may_end_early)

    def record(self, epoch: int) -> tuple[Record, Targets]:
        """Evaluate; return the record since the last one, and the predictions."""
        totals, diagnostics = self.totals, self.optimizer_step.diagnostics
        train_score = self.score.value
        validation = evaluate(self.network, self.loss, self.score, self.validation)
        at = epoch if self.evaluate_every is None else self.steps_taken
        record = Record(
            at=at,
            epoch=epoch,
            train_loss=totals.mean_loss,
            train_score=train_score,
            val_loss=validation.loss,
            val_score=validation.score,
            lr=self.optimizer_step.lr,
            grad_norm=totals.norm_sum / max(totals.steps, 1),
            seconds=totals.seconds,
            examples_per_second=totals.examples / totals.seconds,
            score_name=self.score.name,
            layers={} if diagnostics is None else diagnostics.measure(at),
        )
        return record, validation.predicted


def steps_per_epoch(train: Examples, accumulate: int) -> int:
    """Count the steps of an epoch; the last one may have fewer than `accumulate` batches."""
    return ceil(len(train) / accumulate)


def evaluate(
    network: Network, loss: Loss, score: RunningMetric, batches: Examples, keep_outputs: bool = False
) -> Evaluation:
    """Evaluate a network on one pass of batches; its weights and state stay as they are."""
    totals = Totals()
    predicted: list[Targets] = []
    outputs = [np.empty((0, *network.outputs), network.dtype)]
    score.reset()
    for x, y in batches:
        z = network.forward(x)
        if keep_outputs:
            outputs.append(z.copy())
        batch_loss = loss.forward(z, y)
        totals.add_batch(batch_loss, loss.weight(y), len(y))
        predicted.append(score.update(z, y).copy())
    return Evaluation(
        loss=totals.mean_loss,
        score=score.value,
        predicted=np.concatenate(predicted),
        outputs=np.concatenate(outputs),
    )
