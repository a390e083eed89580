"""Schedules that fall: pure functions of progress in [0, 1] that give a multiplier of the learning rate.

Progress is the share of the run's steps already taken, so no schedule needs the length of the run. Any can
rise first: `warmup` is a ratio of the run, every other length here a ratio of what follows the warmup.
"""

from abc import ABC, abstractmethod
from math import cos, pi, sqrt
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from nnexp.annotated_keys import AnnotatedKeys

Multiplier = Annotated[float, Ge(0), Le(1)]
Ratio = Annotated[float, Gt(0), Lt(1)]
Share = Annotated[float, Gt(0), Le(1)]
Warmup = Annotated[float, Ge(0), Lt(1)]
ROUNDING = 1e-9  # 0.3 / 0.1 is 2.999...


class Schedule(AnnotatedKeys, ABC):
    """progress -> multiplier: a straight line up to the curve's beginning, then the curve."""

    warmup: Warmup = 0.0  # the ratio of the run that rises; 0 leaves only the curve
    start: Multiplier = 0.01  # where the line begins, as a multiplier of the curve's beginning

    def __call__(self, progress: float) -> float:
        """Return the multiplier after that share of the steps."""
        if progress < self.warmup:
            return (self.start + (1 - self.start) * progress / self.warmup) * self.curve(0.0)
        return self.curve(self.after_warmup(progress))

    @abstractmethod
    def curve(self, progress: float) -> float:
        """Return the multiplier after that share of the steps that follow the warmup."""

    def momentum(self, progress: float) -> float | None:
        """Return the optimizer's momentum at that progress; None leaves it unchanged."""
        return None

    def observe(self, loss: float) -> None:
        """Take the validation loss, after each evaluation."""

    def after_warmup(self, progress: float) -> float:
        """Return the share of the steps after the warmup, 0 during it."""
        return max(0.0, (progress - self.warmup) / (1 - self.warmup))


class Constant(Schedule):
    """1 throughout."""

    def curve(self, progress: float) -> float:
        return 1.0


class Step(Schedule):
    """Falls by the factor gamma each time a ratio of the run has passed: gamma ** floor(progress / every)."""

    every: Ratio = 0.3
    gamma: Ratio = 0.1

    def curve(self, progress: float) -> float:
        falls = int(progress / self.every + ROUNDING)
        return float(self.gamma**falls)


class MultiStep(Schedule):
    """Falls by the factor gamma at each of the milestones, which are ratios in any order."""

    milestones: Annotated[list[Ratio], MinLen(1)]
    gamma: Ratio = 0.1

    def curve(self, progress: float) -> float:
        falls = sum(progress + ROUNDING >= milestone for milestone in self.milestones)
        return float(self.gamma**falls)


class Exponential(Schedule):
    """Falls by the same factor in every step, from 1 to `final`: final ** progress."""

    final: Share = 0.01

    def curve(self, progress: float) -> float:
        return float(self.final**progress)


class Polynomial(Schedule):
    """Falls from 1 to `final` like a power: final + (1 - final) (1 - progress) ** power."""

    power: Annotated[float, Gt(0)] = 2.0
    final: Multiplier = 0.0

    def curve(self, progress: float) -> float:
        return float(self.final + (1 - self.final) * (1 - progress) ** self.power)


class Linear(Schedule):
    """Falls from 1 to `final` in a straight line."""

    final: Multiplier = 0.0

    def curve(self, progress: float) -> float:
        return 1 - (1 - self.final) * progress


class Cosine(Schedule):
    """Falls from 1 to `final` along half a cosine: Loshchilov & Hutter 2017 (SGDR), eq. 5."""

    final: Multiplier = 0.0

    def curve(self, progress: float) -> float:
        return self.final + (1 - self.final) * half_cosine(progress)


class InverseSqrt(Schedule):
    """After the warmup sqrt(warmup / progress), of the run: Vaswani et al. 2017, eq. 3, its peak at 1."""

    warmup: Ratio = 0.1

    def curve(self, progress: float) -> float:
        run_progress = self.warmup + progress * (1 - self.warmup)
        return sqrt(self.warmup / run_progress)


class WarmupStableDecay(Schedule):
    """1, then a fall to `final`: Hu et al. 2024 (MiniCPM), section 4; the shapes: Hägele et al. 2024."""

    decay: Share = 0.2  # the ratio that falls
    shape: Literal["linear", "1-sqrt", "cosine"] = "1-sqrt"
    final: Multiplier = 0.0  # the multiplier at the end
    warmup: Warmup = 0.05

    def curve(self, progress: float) -> float:
        x = min(1.0, max(0.0, progress - (1 - self.decay)) / self.decay)
        height = {"linear": 1 - x, "1-sqrt": 1 - sqrt(x), "cosine": half_cosine(x)}[self.shape]
        return self.final + (1 - self.final) * height


def half_cosine(x: float) -> float:
    """Fall from 1 to 0 as x goes from 0 to 1."""
    return (1 + cos(pi * x)) / 2
