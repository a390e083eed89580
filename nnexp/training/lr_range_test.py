"""The learning-rate range test: train while the learning rate grows, see where the loss falls and where it rises again.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3. S steps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from math import exp, isfinite

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.training.numerics import flushed_denormals
from nnexp.training.optimizer_step import OptimizerStep
from nnexp.training.trainer import Examples

Numbers = NDArray[np.float64]
MEMORY = 1 / 15  # of the smoothing, as a share of the steps
DIVERGED = 4.0  # times the lowest smoothed loss
LEAST_FALL = 0.02  # as a share of the first losses
SLOWS = 0.9  # of the way down, where the fall counts as slowed


@dataclass(frozen=True)
class Curve:
    """What a range test saw.

    Attributes:
        lr: of each step, (S,), growing.
        loss: of the batch, before the step, (S,).
        smoothed: its bias-corrected exponential average, (S,).
        memory: the steps that the average reaches back; before as many it is too noisy to be judged by.
        diverged: whether that ended the test; the loss that was no number is not among the losses.
    """

    lr: Numbers
    loss: Numbers
    smoothed: Numbers
    memory: int
    diverged: bool

    @property
    def first(self) -> float:
        """The mean of the first losses."""
        return float(self.loss[: self.memory].mean())

    @property
    def lowest(self) -> int:
        """The step at which the smoothed loss is lowest."""
        filled = min(self.memory, len(self.smoothed)) - 1
        return filled + int(np.argmin(self.smoothed[filled:]))

    @property
    def falls(self) -> bool:
        """Whether the loss ever falls by more than the first losses differ among themselves."""
        noise = self.loss[: self.memory].std()
        return bool(self.first - self.smoothed[self.lowest] > max(noise, LEAST_FALL * self.first))

    def down(self, share: float) -> float:
        """The first learning rate at which the smoothed loss has come that share of its way down to the lowest."""
        fall = self.first - self.smoothed[self.lowest]
        return float(self.lr[np.argmax(self.smoothed <= self.first - share * fall)])

    @property
    def bounds(self) -> tuple[float, float]:
        """The learning rates at which the loss begins to fall, and at which its fall slows: Smith's two, section 3.3.

        Measured as a tenth and nine tenths of the way down, a choice of ours: the lowest loss lies further up, anywhere on a
        flat bottom just before divergence; the steepest descent further down, wherever noise puts it.
        """
        return self.down(1 - SLOWS), self.down(SLOWS)

    @property
    def suggestion(self) -> float:
        """The upper of the two bounds: the largest learning rate that still brought the loss down."""
        return self.bounds[1]

    @property
    def still_falls(self) -> bool:
        """Whether the test ended before the fall had slowed for good: a longer one might suggest more."""
        return not self.diverged and self.suggestion > self.lr[-2 * self.memory]


@flushed_denormals()
def range_test(
    network: Network,
    loss: Loss,
    update: OptimizerStep,
    batches: Examples,
    low: float,
    high: float,
    steps: int,
) -> Curve:
    """Train with a learning rate that grows from low to high, as the same factor in every step; end early where it diverges.

    The smoothed loss is s <- b s + (1 - b) loss, divided by 1 - b^t as in Adam (Kingma & Ba 2015, section 3).

    Args:
        network: initialised; is of no use afterwards.
        loss: allocated for the network's outputs.
        update: without a schedule, so that nothing but the test changes the learning rate.
        batches: gone through as often as it takes.
        low: the first learning rate, > 0.
        high: the last one, > low.
        steps: S.
    """
    memory = max(1, round(steps * MEMORY))
    b, s, best = exp(-1 / memory), 0.0, np.inf
    seen: list[tuple[float, float, float]] = []
    diverged = False
    for t, (lr, value) in enumerate(
        losses(network, loss, update, batches, np.geomspace(low, high, steps).tolist()), start=1
    ):
        if diverged := not isfinite(value):
            break
        s = b * s + (1 - b) * value
        seen.append((lr, value, s / (1 - b**t)))
        if t >= memory:
            best = min(best, seen[-1][-1])
        if diverged := seen[-1][-1] > DIVERGED * best:
            break
    columns = np.array(seen, float).reshape(-1, 3).T
    return Curve(columns[0], columns[1], columns[2], memory, diverged)


def losses(
    network: Network, loss: Loss, update: OptimizerStep, batches: Examples, rates: Iterable[float]
) -> Iterator[tuple[float, float]]:
    """One step at each learning rate; yields it with the mean loss over the step's examples."""
    endless = chain.from_iterable(repeat(batches))
    for lr in rates:
        update.set_lr(lr)
        total, examples = 0.0, 0
        for x, y in islice(endless, update.accumulate):
            total += loss.forward(network.forward(x, training=True), y) * len(y)
            network.backward(loss.backward())
            update(len(y))
            examples += len(y)
        yield lr, total / examples
