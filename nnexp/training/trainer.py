"""The training loop, as a generator of records: train, validate, yield.

Who consumes it decides what happens between two of them: log, keep the best weights, stop.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnexp.metrics.running import RunningMetric
from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.training.denormals import flushed_denormals
from nnexp.training.diagnostics import Diagnostics
from nnexp.training.optimizer_step import OptimizerStep

Array = NDArray[np.floating]
Targets = NDArray[Any]


class Examples(Protocol):
    """What the trainer asks of batches: how many, and pass after pass of them."""

    @property
    def examples(self) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Array, Targets]]: ...


@dataclass(frozen=True)
class Record:
    """One epoch, or what lies between two evaluations.

    Attributes:
        at: the number it is logged under: the epoch; the step where evaluation goes by steps.
        epoch: from 1; the one that the evaluation falls into.
        train_loss, train_score: means over the examples since the last record, each measured before the step that learnt from it.
        val_loss, val_score: now.
        lr: the learning rate of the last step.
        grad_norm: the mean over the steps of the gradient's Euclidean norm.
        seconds: of the training part, without validation.
        examples_per_second: of the training part.
        score: what the score is: accuracy, or r2.
        layers: what was measured of each layer, by the names it is logged under.
        predicted: of each validation example, in their order: the class (N,), the labels (N, L) or the targets as they were learnt (N, T).
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
    score: str = "accuracy"
    layers: dict[str, float] = field(default_factory=dict, hash=False, repr=False)
    predicted: Targets | None = field(default=None, compare=False, repr=False)

    def metrics(self) -> dict[str, float]:
        """The numbers under the names they are logged by."""
        names = {"grad_norm": "grad/norm", "seconds": "time/epoch"}
        names |= {f"{part}_score": f"{part}/{self.score}" for part in ("train", "val")}
        names |= {f"{part}_loss": f"{part}/loss" for part in ("train", "val")}
        numbers = [
            own.name
            for own in fields(self)
            if own.name not in ("at", "epoch", "score", "layers", "predicted")
        ]
        return {names.get(key, key): getattr(self, key) for key in numbers} | self.layers


@dataclass(frozen=True)
class Evaluation:
    """What a network does on some examples: the mean loss, the score, each prediction, (N,) or (N, T); if kept, the outputs (N, O)."""

    loss: float
    score: float
    predicted: Targets
    outputs: Array


class Trainer:
    """Trains a network, epoch by epoch.

    Args:
        network: initialised.
        loss: allocated for the network's outputs.
        score: what is counted beside the loss.
        update: how weights move.
        train: batches in a new order in every pass.
        validation: batches in a fixed order.
        epochs: how many.
        evaluate_every: the steps between two evaluations; None for one at each epoch's end.
        time_budget: the seconds of training after which it ends, in the midst of an epoch if need be; None for no end. A schedule's
            progress is then that of the steps or that of the time, whichever is further.
        diagnostics: look at each layer; they change nothing.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        score: RunningMetric,
        update: OptimizerStep,
        train: Examples,
        validation: Examples,
        epochs: int,
        evaluate_every: int | None = None,
        time_budget: float | None = None,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        self.network, self.loss, self.score, self.update = network, loss, score, update
        self.train, self.validation, self.n_epochs = train, validation, epochs
        self.evaluate_every, self.time_budget = evaluate_every, time_budget
        self.steps_per_epoch = -(-len(train) // update.accumulate)
        self.steps = update.steps_planned = epochs * self.steps_per_epoch
        self.diagnostics = update.diagnostics = diagnostics
        self.spent = 0.0
        self.clear()

    @property
    def step(self) -> int:
        """The steps taken so far."""
        return self.update.step

    def epochs(self) -> Generator[Record]:
        """Train; evaluate and yield a record after each epoch, or every so many steps and at the end.

        While a record is looked at, the network holds the weights to keep: an average, if there is one.
        """
        for epoch in range(1, self.n_epochs + 1):
            batches = iter(self.train)
            whole = False
            while not whole:
                whole = self.train_until_evaluation(batches)
                over = self.is_over or (whole and epoch == self.n_epochs)
                if self.examples and (over or not whole or self.evaluate_every is None):
                    with self.update.averaging.applied():
                        record = self.record(epoch)
                        self.update.schedule.observe(record.val_loss)
                        yield record
                    self.clear()
                if over:
                    return

    @flushed_denormals()
    def train_until_evaluation(self, batches: Iterator[tuple[Array, Targets]]) -> bool:
        """Learn from these batches; returns whether they are used up, or an evaluation is due before."""
        network, loss, score, update = self.network, self.loss, self.score, self.update
        start = perf_counter()
        due = False
        for x, y in batches:
            z = network.forward(x, training=True)
            self.loss_sum += loss.forward(z, y) * loss.weight(y)
            self.loss_weight += loss.weight(y)
            score.update(z, y)
            network.backward(loss.backward())
            self.count(len(y), update(len(y)))
            if due := self.is_due(start):
                break
        else:
            self.count(0, update.flush())
            due = self.is_due(start)
        if self.time_budget is not None and due:
            self.count(0, update.flush())
        self.seconds += perf_counter() - start
        self.spent += perf_counter() - start
        return not due

    def is_due(self, start: float) -> bool:
        """Whether an evaluation must come before the next batch."""
        if self.time_budget is not None:
            self.update.elapsed = (self.spent + perf_counter() - start) / self.time_budget
            if self.update.elapsed > 1:
                return True
        return self.evaluate_every is not None and self.moved and self.step % self.evaluate_every == 0

    @property
    def is_over(self) -> bool:
        """Whether the time is used up."""
        return self.time_budget is not None and self.update.elapsed > 1

    @property
    def whole_epochs(self) -> int:
        """The epochs that are behind us."""
        return self.step // self.steps_per_epoch

    def count(self, examples: int, length: float | None) -> None:
        """Add up what a batch brought."""
        self.examples += examples
        self.moved = length is not None
        if length is not None:
            self.lengths += length
            self.moves += 1

    def clear(self) -> None:
        """Begin a new record."""
        self.loss_sum = self.loss_weight = self.lengths = self.seconds = 0.0
        self.examples = self.moves = 0
        self.moved = False
        self.score.reset()
        if self.diagnostics is not None:
            period = self.evaluate_every or self.steps_per_epoch
            self.diagnostics.start(
                self.step,
                min(period, max(self.steps - self.step, 0)),
                may_end_early=self.time_budget is not None,
            )

    def record(self, epoch: int) -> Record:
        """Evaluate, and tell what happened since the last record."""
        train_score = self.score.value
        validated = evaluate(self.network, self.loss, self.score, self.validation)
        at = epoch if self.evaluate_every is None else self.step
        return Record(
            at=at,
            epoch=epoch,
            train_loss=self.loss_sum / self.loss_weight,
            train_score=train_score,
            val_loss=validated.loss,
            val_score=validated.score,
            lr=self.update.lr,
            grad_norm=self.lengths / max(self.moves, 1),
            seconds=self.seconds,
            examples_per_second=self.examples / self.seconds,
            score=self.score.name,
            layers={} if self.diagnostics is None else self.diagnostics.measure(at),
            predicted=validated.predicted,
        )


def evaluate(
    network: Network, loss: Loss, score: RunningMetric, batches: Examples, keep_outputs: bool = False
) -> Evaluation:
    """Measure a network on one pass of batches; changes nothing of it."""
    total = weight = 0.0
    predicted, outputs = [], [np.empty((0, *network.outputs), network.dtype)]
    score.reset()
    for x, y in batches:
        z = network.forward(x)
        if keep_outputs:
            outputs.append(z.copy())
        total += loss.forward(z, y) * loss.weight(y)
        weight += loss.weight(y)
        predicted.append(score.update(z, y).copy())
    return Evaluation(total / weight, score.value, np.concatenate(predicted), np.concatenate(outputs))
