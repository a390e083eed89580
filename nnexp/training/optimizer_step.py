"""From gradients to new weights: what happens between two batches."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.network import Network
from nnexp.optim.averaging import Averaging, NoAveraging
from nnexp.optim.optimizers import Optimizer
from nnexp.optim.regularization import Regularization, Regularizer
from nnexp.optim.schedules import Constant, Schedule
from nnexp.training.diagnostics import Diagnostics


class OptimizerStep:
    """Gathers gradients; every so many batches: penalties, clipping, the optimizer's step, constraints, the average.

    Args:
        network: its vectors are what moves.
        optimizer: is bound to them here.
        schedule: progress in [0, 1) -> multiplier of the learning rate.
        averaging: is bound to them here.
        regularization: what holds them back.
        accumulate: the batches whose gradients make one step.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        schedule: Schedule | None = None,
        averaging: Averaging | None = None,
        regularization: Regularization | None = None,
        accumulate: int = 1,
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.schedule, self.averaging = schedule or Constant(), averaging or NoAveraging()
        theta, grad, shapes = network.theta, network.grad, network.parameters.shapes
        optimizer.bind(theta, grad, shapes)
        self.averaging.bind(theta, network.state)
        self.regularizer = Regularizer(regularization or Regularization(), theta, grad, shapes)
        self.accumulate = accumulate
        self.total = np.zeros_like(
            theta if accumulate > 1 else theta[:0]
        )  # of gradients, each as often as it had examples
        self.batches = self.examples = 0
        self.steps_planned = 1
        self.step = 0
        self.elapsed = 0.0
        """The share of the time that is used up, where time ends the run."""
        self.lr = 0.0
        """The learning rate of the last step."""
        self.diagnostics: Diagnostics | None = None
        """Looks at some steps."""

    def __call__(self, examples: int) -> float | None:
        """Take the gradient of a batch of so many examples; returns its length if a step was made."""
        if self.accumulate == 1:
            return self.move()
        grad = self.network.grad
        grad *= examples
        self.total += grad
        self.batches += 1
        self.examples += examples
        return self.flush() if self.batches == self.accumulate else None

    def flush(self) -> float | None:
        """Make a step of what was gathered; None if there is nothing."""
        if not self.batches:
            return None
        np.divide(self.total, self.examples, out=self.network.grad)
        self.total.fill(0)
        self.batches = self.examples = 0
        return self.move()

    def move(self) -> float:
        """One step; returns the length of its gradient."""
        length = norm(self.network.grad)
        watch = (
            self.diagnostics if self.diagnostics is not None and self.diagnostics.is_due(self.step) else None
        )
        if watch is not None:
            watch.before_step()
        self.regularizer.penalize()
        self.regularizer.clip()
        momentum, scale = self.schedule.momentum(self.progress), self.schedule(self.progress)
        if momentum is not None and self.optimizer.momentum:
            self.optimizer.momentum = momentum
        self.optimizer.step(scale)
        self.lr = self.optimizer.lr * scale
        self.regularizer.constrain()
        self.step += 1
        self.averaging.after_step(self.progress)
        if watch is not None:
            watch.after_step()
        return length

    @property
    def progress(self) -> float:
        """The share of the run that is behind us, by steps or by time, in [0, 1]."""
        return max(self.step / self.steps_planned, min(self.elapsed, 1.0))


def norm(vector: NDArray[np.floating]) -> float:
    """The Euclidean norm."""
    return sqrt(np.dot(vector, vector))
