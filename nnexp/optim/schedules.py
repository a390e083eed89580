"""Schedules: pure functions of progress in [0, 1] that give a multiplier of the learning rate.

Progress is the share of the run's steps already taken, so no schedule has to be told how long the run is: every length here
is a ratio of the run.
"""

from abc import ABC, abstractmethod
from math import cos, pi
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

Multiplier = Annotated[float, Ge(0), Le(1)]
Ratio = Annotated[float, Gt(0), Lt(1)]


class Schedule(ABC):
    """progress -> multiplier."""

    @abstractmethod
    def __call__(self, progress: float) -> float:
        """The multiplier when that share of the steps has been taken."""


class Constant(Schedule):
    """1 throughout."""

    def __call__(self, progress: float) -> float:
        return 1.0


class Step(Schedule):
    """Falls by a factor at regular places: gamma ** floor(progress / every).

    Args:
        every: the ratio of the run between two falls.
        gamma: the factor.
    """

    def __init__(self, every: Ratio = 0.3, gamma: Ratio = 0.1) -> None:
        self.every, self.gamma = every, gamma

    def __call__(self, progress: float) -> float:
        falls = int(progress / self.every + 1e-9)  # 0.3 / 0.1 is 2.999...
        return float(self.gamma**falls)


class Exponential(Schedule):
    """Falls by the same factor in every step, from 1 to `final`: final ** progress."""

    def __init__(self, final: Annotated[float, Gt(0), Le(1)] = 0.01) -> None:
        self.final = final

    def __call__(self, progress: float) -> float:
        return float(self.final**progress)


class Cosine(Schedule):
    """Falls from 1 to `final` along half a cosine: Loshchilov & Hutter 2017 (SGDR), eq. 5, without restarts."""

    def __init__(self, final: Multiplier = 0.0) -> None:
        self.final = final

    def __call__(self, progress: float) -> float:
        return self.final + (1 - self.final) * (1 + cos(pi * progress)) / 2


class WarmupCosine(Cosine):
    """Rises in a straight line from `start` to 1, then falls along half a cosine to `final`.

    Args:
        warmup: the ratio of the run that rises.
        start: the multiplier of the first step.
        final: the multiplier at the end.
    """

    def __init__(self, warmup: Ratio = 0.3, start: Multiplier = 0.01, final: Multiplier = 0.0) -> None:
        super().__init__(final)
        self.warmup, self.start = warmup, start

    def __call__(self, progress: float) -> float:
        if progress < self.warmup:
            return self.start + (1 - self.start) * progress / self.warmup
        return super().__call__((progress - self.warmup) / (1 - self.warmup))
