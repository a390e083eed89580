"""Schedules that fall: pure functions of progress in [0, 1] that give a multiplier of the learning rate.

Progress is the share of the run's steps already taken, so no schedule has to be told how long the run is. Any of them can
rise first: `warmup` is a ratio of the run, every other length here a ratio of what follows the warmup.
"""

from abc import ABC, abstractmethod
from math import cos, pi, sqrt
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

Multiplier = Annotated[float, Ge(0), Le(1)]
Ratio = Annotated[float, Gt(0), Lt(1)]
Warmup = Annotated[float, Ge(0), Lt(1)]
ROUNDING = 1e-9  # 0.3 / 0.1 is 2.999...


class Schedule(ABC):
    """progress -> multiplier: a straight line up to the curve's beginning, then the curve.

    Args:
        warmup: the ratio of the run that rises; 0 leaves only the curve.
        start: where the line begins, as a multiplier of the curve's beginning.
    """

    def __init__(self, warmup: Warmup = 0.0, start: Multiplier = 0.01) -> None:
        self.warmup, self.start = warmup, start

    def __call__(self, progress: float) -> float:
        """The multiplier when that share of the steps has been taken."""
        if progress < self.warmup:
            return (self.start + (1 - self.start) * progress / self.warmup) * self.curve(0.0)
        return self.curve(self.after_warmup(progress))

    @abstractmethod
    def curve(self, progress: float) -> float:
        """The multiplier when that share of the steps after the warmup has been taken."""

    def momentum(self, progress: float) -> float | None:
        """The optimizer's momentum at that progress; None leaves it alone."""
        return None

    def observe(self, value: float) -> None:
        """Hear the validation loss, after each evaluation."""

    def after_warmup(self, progress: float) -> float:
        """The share of the steps after the warmup, 0 during it."""
        return max(0.0, (progress - self.warmup) / (1 - self.warmup))


class Constant(Schedule):
    """1 throughout."""

    def curve(self, progress: float) -> float:
        return 1.0


class Step(Schedule):
    """Falls by a factor at regular places: gamma ** floor(progress / every).

    Args:
        every: the ratio between two falls.
        gamma: the factor.
        warmup: see Schedule.
        start: see Schedule.
    """

    def __init__(
        self, every: Ratio = 0.3, gamma: Ratio = 0.1, warmup: Warmup = 0.0, start: Multiplier = 0.01
    ) -> None:
        super().__init__(warmup, start)
        self.every, self.gamma = every, gamma

    def curve(self, progress: float) -> float:
        falls = int(progress / self.every + ROUNDING)
        return float(self.gamma**falls)


class MultiStep(Schedule):
    """Falls by the factor gamma at each of the milestones, which are ratios in any order."""

    def __init__(
        self,
        milestones: Annotated[list[Ratio], MinLen(1)],
        gamma: Ratio = 0.1,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.milestones, self.gamma = milestones, gamma

    def curve(self, progress: float) -> float:
        falls = sum(progress + ROUNDING >= milestone for milestone in self.milestones)
        return float(self.gamma**falls)


class Exponential(Schedule):
    """Falls by the same factor in every step, from 1 to `final`: final ** progress."""

    def __init__(
        self, final: Annotated[float, Gt(0), Le(1)] = 0.01, warmup: Warmup = 0.0, start: Multiplier = 0.01
    ) -> None:
        super().__init__(warmup, start)
        self.final = final

    def curve(self, progress: float) -> float:
        return float(self.final**progress)


class Polynomial(Schedule):
    """Falls from 1 to `final` like a power: final + (1 - final) (1 - progress) ** power."""

    def __init__(
        self,
        power: Annotated[float, Gt(0)] = 2.0,
        final: Multiplier = 0.0,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.power, self.final = power, final

    def curve(self, progress: float) -> float:
        return float(self.final + (1 - self.final) * (1 - progress) ** self.power)


class Linear(Schedule):
    """Falls from 1 to `final` in a straight line."""

    def __init__(self, final: Multiplier = 0.0, warmup: Warmup = 0.0, start: Multiplier = 0.01) -> None:
        super().__init__(warmup, start)
        self.final = final

    def curve(self, progress: float) -> float:
        return 1 - (1 - self.final) * progress


class Cosine(Schedule):
    """Falls from 1 to `final` along half a cosine: Loshchilov & Hutter 2017 (SGDR), eq. 5, without restarts."""

    def __init__(self, final: Multiplier = 0.0, warmup: Warmup = 0.0, start: Multiplier = 0.01) -> None:
        super().__init__(warmup, start)
        self.final = final

    def curve(self, progress: float) -> float:
        return self.final + (1 - self.final) * half_cosine(progress)


class InverseSqrt(Schedule):
    """After the warmup sqrt(warmup / progress), of the run: Vaswani et al. 2017, eq. 3, with its peak at 1."""

    def __init__(self, warmup: Ratio = 0.1, start: Multiplier = 0.01) -> None:
        super().__init__(warmup, start)

    def curve(self, progress: float) -> float:
        of_run = self.warmup + progress * (1 - self.warmup)
        return sqrt(self.warmup / of_run)


class WarmupStableDecay(Schedule):
    """1 until the last part, which falls to `final`: Hu et al. 2024 (MiniCPM), section 4; the shapes: Hägele et al. 2024.

    Args:
        decay: the ratio that falls.
        shape: of the fall; with x from 0 to 1, 1 - x, 1 - sqrt(x) or (1 + cos(pi x)) / 2.
        final: the multiplier at the end.
        warmup: see Schedule.
        start: see Schedule.
    """

    def __init__(
        self,
        decay: Annotated[float, Gt(0), Le(1)] = 0.2,
        shape: Literal["linear", "1-sqrt", "cosine"] = "1-sqrt",
        final: Multiplier = 0.0,
        warmup: Warmup = 0.05,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.decay, self.shape, self.final = decay, shape, final

    def curve(self, progress: float) -> float:
        x = min(1.0, max(0.0, progress - (1 - self.decay)) / self.decay)
        height = {"linear": 1 - x, "1-sqrt": 1 - sqrt(x), "cosine": half_cosine(x)}[self.shape]
        return self.final + (1 - self.final) * height


def half_cosine(x: float) -> float:
    """Falls from 1 to 0 as x goes from 0 to 1."""
    return (1 + cos(pi * x)) / 2
