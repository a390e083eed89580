"""The training loop, as a generator of records: train, validate, yield.

Who consumes it decides what happens between two epochs: log, keep the best weights, stop.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import sqrt
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.losses import Loss
from nnexp.nn.network import Network
from nnexp.optim.optimizers import Optimizer
from nnexp.training.denormals import flushed_denormals

Array = NDArray[np.floating]
Labels = NDArray[np.int64]


class Examples(Protocol):
    """What the trainer asks of batches: how many, and pass after pass of them."""

    @property
    def examples(self) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[tuple[Array, Labels]]: ...


@dataclass(frozen=True)
class Record:
    """One epoch.

    Attributes:
        epoch: from 1.
        train_loss, train_accuracy: means over the epoch's examples, each measured before the step that learnt from it.
        val_loss, val_accuracy: after the epoch.
        lr: the learning rate of the epoch's last step.
        grad_norm: the mean over the steps of the gradient's Euclidean norm.
        seconds: of the training part, without validation.
        examples_per_second: of the training part.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    grad_norm: float
    seconds: float
    examples_per_second: float

    def metrics(self) -> dict[str, float]:
        """The numbers under the names they are logged by."""
        names = {"grad_norm": "grad/norm", "seconds": "time/epoch"}
        values = asdict(self)
        del values["epoch"]
        return {names.get(key, key.replace("train_", "train/").replace("val_", "val/")): value for key, value in values.items()}


@dataclass(frozen=True)
class Evaluation:
    """What a network does on some examples: the mean loss, the accuracy, and each prediction (N,)."""

    loss: float
    accuracy: float
    predicted: Labels


class Trainer:
    """Trains a network, epoch by epoch.

    Args:
        network: initialised.
        loss: allocated for the network's outputs.
        optimizer: is bound to the network's vectors here.
        schedule: progress in [0, 1) -> multiplier of the learning rate.
        train: batches in a new order in every pass.
        validation: batches in a fixed order.
        epochs: how many.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        schedule: Callable[[float], float],
        train: Examples,
        validation: Examples,
        epochs: int,
    ) -> None:
        self.network, self.loss, self.optimizer, self.schedule = network, loss, optimizer, schedule
        self.train, self.validation, self.n_epochs = train, validation, epochs
        self.steps = epochs * len(train)
        self.predicted = np.empty(network.capacity, np.int64)  # (B,), scratch
        self.step = 0
        optimizer.bind(network.theta, network.grad)

    def epochs(self) -> Iterator[Record]:
        """Train; yield a record after each epoch."""
        for epoch in range(1, self.n_epochs + 1):
            start = perf_counter()
            train_loss, train_accuracy, grad_norm = self.train_epoch()
            seconds = perf_counter() - start
            lr = self.optimizer.lr * self.schedule((self.step - 1) / self.steps)
            validated = evaluate(self.network, self.loss, self.validation)
            speed = self.train.examples / seconds
            yield Record(epoch, train_loss, train_accuracy, validated.loss, validated.accuracy, lr, grad_norm, seconds, speed)

    @flushed_denormals()
    def train_epoch(self) -> tuple[float, float, float]:
        """One pass over the training examples: mean loss, accuracy, mean gradient norm."""
        network, loss, optimizer = self.network, self.loss, self.optimizer
        total = correct = norms = 0.0
        for x, y in self.train:
            z = network.forward(x)
            total += loss.forward(z, y) * len(y)
            correct += hits(z, y, self.predicted)
            network.backward(loss.backward())
            norms += norm(network.grad)
            optimizer.step(self.schedule(self.step / self.steps))
            self.step += 1
        return total / self.train.examples, correct / self.train.examples, norms / len(self.train)


def evaluate(network: Network, loss: Loss, batches: Examples) -> Evaluation:
    """Measure a network on one pass of batches; changes nothing of it."""
    total, predicted = 0.0, np.empty(batches.examples, np.int64)
    correct = start = 0
    for x, y in batches:
        z = network.forward(x)
        total += loss.forward(z, y) * len(y)
        found = predicted[start : start + len(y)]
        correct += hits(z, y, found)
        start += len(y)
    return Evaluation(total / batches.examples, correct / batches.examples, predicted)


def hits(z: Array, y: Labels, predicted: Labels) -> int:
    """How many examples have their largest output at their class; writes where it is into the first places of `predicted`."""
    found = predicted[: len(y)]
    np.argmax(z, axis=1, out=found)
    return int(np.count_nonzero(found == y))


def norm(vector: Array) -> float:
    """The Euclidean norm."""
    return sqrt(np.dot(vector, vector))
