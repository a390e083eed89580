"""The learning-rate range test: train while the learning rate grows, and find where the loss falls and rises.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3. S steps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from math import exp, isfinite, nan

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.training.non_finite import NonFiniteError
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.threads.products import Products

Numbers = NDArray[np.float64]
MEMORY = 1 / 15  # of the smoothing, as a share of the steps
DIVERGED = 4.0  # times the lowest smoothed loss
MIN_FALL = 0.02  # as a share of the first losses
SLOWED = 0.9  # the share of the fall after which it counts as slowed


@dataclass(frozen=True)
class LRCurve:
    """The result of a range test."""

    lr: Numbers  # of each step, (S,), growing
    loss: Numbers  # of the batch, before the step, (S,)
    smoothed: Numbers  # its bias-corrected exponential average, (S,)
    memory: int  # the steps that the average reaches back; in the first so many it is too noisy to use
    diverged: bool  # whether that ended the test; a loss that is not finite is not among the losses

    @property
    def first(self) -> float:
        """The mean of the first losses."""
        return float(self.loss[: self.memory].mean())

    @property
    def lowest(self) -> int:
        """The step with the lowest smoothed loss."""
        start = min(self.memory, len(self.smoothed)) - 1
        return start + int(np.argmin(self.smoothed[start:]))

    @property
    def falls(self) -> bool:
        """Whether the loss ever falls by more than the first losses vary."""
        noise = self.loss[: self.memory].std()
        return bool(self.first - self.smoothed[self.lowest] > max(noise, MIN_FALL * self.first))

    def lr_after_fall(self, share: float) -> float:
        """Return the first learning rate at which that share of the smoothed loss's fall is completed."""
        fall = self.first - self.smoothed[self.lowest]
        return float(self.lr[np.argmax(self.smoothed <= self.first - share * fall)])

    @property
    def bounds(self) -> tuple[float, float]:
        """The learning rates where the loss begins to fall, and where its fall slows: Smith, section 3.3.

        Defined here as a tenth and nine tenths of the fall: the lowest loss lies further up, anywhere on a
        flat bottom just before divergence; the steepest descent further down, where noise puts it.
        """
        return self.lr_after_fall(1 - SLOWED), self.lr_after_fall(SLOWED)

    @property
    def suggestion(self) -> float:
        """The upper bound: the largest learning rate that still reduced the loss."""
        return self.bounds[1]

    @property
    def still_falls(self) -> bool:
        """Whether the test ended before the fall slowed: a longer one might suggest more."""
        return not self.diverged and self.suggestion > self.lr[-2 * self.memory]


@flushed_denormals()
def lr_range_test(
    network: Network,
    loss: Loss,
    step: OptimizerStep,
    batches: Batches,
    low: float,
    high: float,
    steps: int,
    products: Products | None = None,
) -> LRCurve:
    """Train with a learning rate that grows from low to high by a constant factor; end early on divergence.

    The smoothed loss is s <- b s + (1 - b) loss, divided by 1 - b^t as in Adam (Kingma & Ba 2015, section 3).

    Args:
        network: initialized; its weights are unusable afterwards.
        loss: allocated for the network's outputs.
        step: without a schedule, so that nothing else changes the learning rate.
        batches: repeated as often as needed.
        low: the first learning rate, > 0.
        high: the last one, > low.
        steps: S.
        products: of the network's layers, where threads share them.
    """
    products = products or Products()
    memory = max(1, round(steps * MEMORY))
    b = exp(-1 / memory)
    s = 0.0
    lowest = np.inf
    points: list[tuple[float, float, float]] = []
    diverged = False
    rates = np.geomspace(low, high, steps).tolist()
    for t, (lr, value) in enumerate(losses(network, loss, step, batches, rates), start=1):
        products.after_step()
        if diverged := not isfinite(value):
            break
        s = b * s + (1 - b) * value
        smoothed = s / (1 - b**t)
        points.append((lr, value, smoothed))
        if t >= memory:
            lowest = min(lowest, smoothed)
        if diverged := smoothed > DIVERGED * lowest:
            break
    columns = np.array(points, float).reshape(-1, 3).T
    return LRCurve(columns[0], columns[1], columns[2], memory, diverged)


def losses(
    network: Network, loss: Loss, step: OptimizerStep, batches: Batches, rates: Iterable[float]
) -> Iterator[tuple[float, float]]:
    """Make one step at each learning rate; yield it with the mean loss over the step's examples.

    Where the gradient is not finite, that is the loss, too.
    """
    endless = chain.from_iterable(repeat(batches))
    for lr in rates:
        step.set_lr(lr)
        total, examples = 0.0, 0
        for x, y in islice(endless, step.accumulate):
            total += loss.forward(network.forward(x, training=True), y) * len(y)
            network.backward(loss.backward())
            try:
                step(len(y))
            except NonFiniteError:
                total = nan
            examples += len(y)
        yield lr, total / examples
