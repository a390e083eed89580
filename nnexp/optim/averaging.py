"""Averages of the weights along the path of training, which often judge better than its last point: EMA, SWA, Lookahead.

theta weights (P,); state what a network remembers besides them (running statistics), (S,), S may be 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from nnexp.optim.optimizers import Array


class Averaging(ABC):
    """Watches theta and state after each step; inside `applied()` they hold the average."""

    def bind(self, theta: Array, state: Array) -> None:
        """Take hold of a network's vectors, with its first weights in them."""
        self.theta, self.state = theta, state

    @abstractmethod
    def after_step(self, progress: float) -> None:
        """Look at the weights, now that this share of the run's steps has been taken."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, theta and state hold the weights to evaluate and keep; outside, those to train on."""
        yield


class NoAveraging(Averaging):
    """The weights as they are."""

    def after_step(self, progress: float) -> None:
        pass


class Average(Averaging):
    """A running average beside theta and state; before it has seen any weights, `applied()` shows the plain ones."""

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.each = [Twin(theta), Twin(state)]
        self.seen = 0
        self.is_applied = False

    def take(self, share: float) -> None:
        """Move the average that share of the way to the weights."""
        for twin in self.each:
            twin.move(share)
        self.seen += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        if self.is_applied or not self.seen:
            yield
            return
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the average and the weights, value by value."""
        for twin in self.each:
            twin.swap()
        self.is_applied = not self.is_applied


class Twin:
    """A vector and its average."""

    def __init__(self, live: Array) -> None:
        self.live, self.average, self.scratch = live, np.zeros_like(live), np.zeros_like(live)

    def move(self, share: float) -> None:
        """Average: a <- a + share (live - a)."""
        np.subtract(self.live, self.average, out=self.scratch)
        self.scratch *= share
        self.average += self.scratch

    def swap(self) -> None:
        """Exchange the values; both arrays stay where they are."""
        self.scratch[...] = self.live
        self.live[...] = self.average
        self.average[...] = self.scratch


class EMA(Average):
    """average <- decay average + (1 - decay) theta after every step: Polyak & Juditsky 1992's idea, with a memory.

    The average starts as the weights after the first step (as in PyTorch), so it needs no correction for a start at 0; a
    trace of those first weights fades like decay^t.

    Args:
        decay: the memory; 1 / (1 - decay) steps weigh most.
        warmup: let the memory grow with the run, min(decay, (1 + t) / (10 + t)) after t steps (as TensorFlow's `num_updates`), so
            that the first weights are forgotten in a short one.
    """

    def __init__(self, decay: Annotated[float, Ge(0), Lt(1)] = 0.999, warmup: bool = True) -> None:
        self.decay, self.warmup = decay, warmup

    def after_step(self, progress: float) -> None:
        decay = min(self.decay, (1 + self.seen) / (10 + self.seen)) if self.warmup else self.decay
        self.take(1 - decay if self.seen else 1.0)


class SWA(Average):
    """The mean of the weights after every so many steps of the run's last part: Izmailov et al. 2018, algorithm 1.

    Running statistics are averaged along with the weights, where the paper measures them anew in one more pass.

    Args:
        start: the ratio of the run after which weights count.
        every: the steps between two weights that count.
    """

    def __init__(
        self, start: Annotated[float, Ge(0), Lt(1)] = 0.75, every: Annotated[int, Ge(1)] = 1
    ) -> None:
        self.start, self.every = start, every

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.late = 0  # steps since the start

    def after_step(self, progress: float) -> None:
        if progress < self.start:
            return
        if self.late % self.every == 0:
            self.take(1 / (self.seen + 1))
        self.late += 1


class Lookahead(Averaging):
    """Every k steps: slow <- slow + alpha (theta - slow); theta <- slow: Zhang et al. 2019, algorithm 1.

    It changes the path itself; what is evaluated and kept are the slow weights. The state is the live one.

    Args:
        k: the steps of the fast weights, theta, between two of the slow.
        alpha: the share of the way that the slow weights go.
    """

    def __init__(self, k: Annotated[int, Ge(1)] = 5, alpha: Annotated[float, Gt(0), Le(1)] = 0.5) -> None:
        self.k, self.alpha = k, alpha

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.slow, self.fast = theta.copy(), theta.copy()
        self.t = 0

    def after_step(self, progress: float) -> None:
        self.t += 1
        if self.t % self.k:
            return
        self.theta -= self.slow
        self.theta *= self.alpha
        self.slow += self.theta
        self.theta[...] = self.slow

    @contextmanager
    def applied(self) -> Iterator[None]:
        if self.t % self.k == 0:  # they are the same
            yield
            return
        self.fast[...] = self.theta
        self.theta[...] = self.slow
        try:
            yield
        finally:
            self.theta[...] = self.fast
