"""Averages of the weights over training, which often generalize better than the last: EMA, SWA, Lookahead.

theta weights (P,); state what a network remembers besides them (running statistics), (S,), S may be 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from nnexp.nn.parameters import Array


class Averaging(ABC):
    """Follows theta and state after each step; inside `applied()` they hold the average."""

    def bind(self, theta: Array, state: Array) -> None:
        """Use a network's vectors, which hold its first weights."""
        self.theta = theta
        self.state = state
        self.is_applied = False

    @property
    def averages(self) -> Sequence[tuple[Array, Array, Array]]:
        """Each vector with its average and scratch; empty before the first average."""
        return ()

    @abstractmethod
    def after_step(self, progress: float) -> None:
        """Include the present weights, after that share of the run's steps."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, theta and state hold the weights to evaluate and keep; outside, those to train on."""
        if self.is_applied or not self.averages:
            yield
            return
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        """Exchange the values of the vectors and their averages; the arrays stay where they are."""
        for vector, average, scratch in self.averages:
            scratch[...] = vector
            vector[...] = average
            average[...] = scratch
        self.is_applied = not self.is_applied


class NoAveraging(Averaging):
    """The weights as they are."""

    def after_step(self, progress: float) -> None:
        pass


class RunningAverage(Averaging):
    """A running average of theta and state, from the first weights that are added on."""

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.buffers = [(vector, vector.copy(), vector.copy()) for vector in (theta, state)]
        self.count = 0

    @property
    def averages(self) -> Sequence[tuple[Array, Array, Array]]:
        return self.buffers if self.count else ()

    def add(self, share: float) -> None:
        """Move the average by that share towards the weights: a <- a + share (theta - a)."""
        for vector, average, scratch in self.buffers:
            if not self.count:
                average[...] = vector
                continue
            np.subtract(vector, average, out=scratch)
            np.multiply(scratch, share, out=scratch)
            np.add(average, scratch, out=average)
        self.count += 1


@dataclass(kw_only=True, eq=False)
class EMA(RunningAverage):
    """average <- decay average + (1 - decay) theta after every step: after Polyak & Juditsky 1992.

    The average starts as the weights after the first step (as in PyTorch), so it needs no correction for a
    start at 0; those first weights fade like decay^t.
    With warmup the decay after t steps is min(decay, (1 + t) / (10 + t)), as TensorFlow's `num_updates`, so
    that a short run forgets its first weights too.
    """

    decay: Annotated[float, Ge(0), Lt(1)] = 0.999  # the memory; 1 / (1 - decay) steps weigh most
    warmup: bool = True  # false: PyTorch's average

    def after_step(self, progress: float) -> None:
        decay = min(self.decay, (1 + self.count) / (10 + self.count)) if self.warmup else self.decay
        self.add(1 - decay)


@dataclass(kw_only=True, eq=False)
class SWA(RunningAverage):
    """The mean of the weights after every so many steps from `start` on: Izmailov et al. 2018, algorithm 1.

    Running statistics are averaged along with the weights, where the paper measures them anew in one more
    pass.
    """

    start: Annotated[float, Ge(0), Lt(1)] = 0.75  # the ratio of the run after which weights count
    every: Annotated[int, Ge(1)] = 1  # the steps between two weights that count

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.steps_since_start = 0

    def after_step(self, progress: float) -> None:
        if progress < self.start:
            return
        if self.steps_since_start % self.every == 0:
            self.add(1 / (self.count + 1))
        self.steps_since_start += 1


@dataclass(kw_only=True, eq=False)
class Lookahead(Averaging):
    """Every k steps: slow <- slow + alpha (theta - slow); theta <- slow: Zhang et al. 2019, algorithm 1.

    It changes training itself; the slow weights are evaluated and kept. The state is the live one.
    """

    k: Annotated[int, Ge(1)] = 5  # the steps of the fast weights, theta, between two of the slow
    alpha: Annotated[float, Gt(0), Le(1)] = 0.5  # the share by which the slow weights move towards the fast

    def bind(self, theta: Array, state: Array) -> None:
        super().bind(theta, state)
        self.slow = theta.copy()
        self.scratch = theta.copy()
        self.t = 0

    @property
    def averages(self) -> Sequence[tuple[Array, Array, Array]]:
        return [(self.theta, self.slow, self.scratch)]

    def after_step(self, progress: float) -> None:
        self.t += 1
        if self.t % self.k:
            return
        self.theta -= self.slow
        self.theta *= self.alpha
        self.slow += self.theta
        self.theta[...] = self.slow
