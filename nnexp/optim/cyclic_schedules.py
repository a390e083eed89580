"""Schedules that rise and fall: restarts, one cycle, many cycles. Lengths are ratios of what follows the warmup."""

from itertools import accumulate, pairwise
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from nnexp.optim.optimizers import Decay
from nnexp.optim.schedules import ROUNDING, Multiplier, Ratio, Schedule, Warmup, half_cosine

Count = Annotated[int, Ge(1)]
Factor = Annotated[float, Ge(1)]


class CosineRestarts(Schedule):
    """Falls from 1 to `final` along half a cosine, again and again: Loshchilov & Hutter 2017 (SGDR), eq. 5.

    Args:
        cycles: how many falls; the last ends with the run.
        growth: how much longer each is than the one before it, the paper's T_mult.
        final: the multiplier at the end of each.
        warmup: see Schedule.
        start: see Schedule.
    """

    def __init__(
        self,
        cycles: Count = 3,
        growth: Factor = 2.0,
        final: Multiplier = 0.0,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.final = final
        lengths = [growth**cycle for cycle in range(cycles)]
        ends = [end / sum(lengths) for end in accumulate(lengths)]
        self.falls = list(pairwise([0.0, *ends]))

    def curve(self, progress: float) -> float:
        begin, end = [fall for fall in self.falls if fall[0] <= progress + ROUNDING][-1]
        return self.final + (1 - self.final) * half_cosine(max(0.0, progress - begin) / (end - begin))


class OneCycle(Schedule):
    """Rises from 1 / div_factor to 1, falls to 1 / (div_factor final_div_factor): Smith & Topin 2018, PyTorch's two phases.

    Momentum goes the other way, from its maximum to its base and back. The peak is the optimizer's lr.

    Args:
        pct_start: the ratio that rises.
        div_factor: the peak over the first multiplier.
        final_div_factor: the first multiplier over the last.
        anneal: the shape of rise and fall, half a cosine or a straight line.
        cycle_momentum: whether to set the momentum of an optimizer that has one.
        base_momentum: the momentum at the peak.
        max_momentum: the momentum at both ends.
        warmup: see Schedule; the cycle has a rise of its own.
        start: see Schedule.
    """

    def __init__(
        self,
        pct_start: Ratio = 0.3,
        div_factor: Factor = 25.0,
        final_div_factor: Factor = 1e4,
        anneal: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: Decay = 0.85,
        max_momentum: Decay = 0.95,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.pct_start, self.anneal = pct_start, anneal
        self.first, self.last = 1 / div_factor, 1 / (div_factor * final_div_factor)
        self.cycle_momentum, self.base_momentum, self.max_momentum = (
            cycle_momentum,
            base_momentum,
            max_momentum,
        )

    def curve(self, progress: float) -> float:
        return self.there_and_back(progress, self.first, 1.0, self.last)

    def momentum(self, progress: float) -> float | None:
        if not self.cycle_momentum:
            return None
        return self.there_and_back(
            self.after_warmup(progress), self.max_momentum, self.base_momentum, self.max_momentum
        )

    def there_and_back(self, progress: float, first: float, turn: float, last: float) -> float:
        """The value on the way from `first` to `turn`, or from there to `last`."""
        if progress < self.pct_start:
            here, there, share = first, turn, progress / self.pct_start
        else:
            here, there, share = turn, last, (progress - self.pct_start) / (1 - self.pct_start)
        left = half_cosine(share) if self.anneal == "cos" else 1 - share
        return there + (here - there) * left


class Cyclic(Schedule):
    """Climbs in straight lines from `base` to a peak and back, again and again: Smith 2017, section 3.

    Args:
        cycles: how many peaks.
        base: the multiplier between them.
        mode: triangular: every peak is 1; triangular2: each is half as far above base as the one before it; exp_range:
            heights above base shrink like gamma ** progress.
        gamma: the share of the height that is left at the run's end; of exp_range only.
        warmup: see Schedule.
        start: see Schedule.
    """

    def __init__(
        self,
        cycles: Count = 4,
        base: Multiplier = 0.1,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: Annotated[float, Gt(0), Le(1)] = 0.1,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.cycles, self.base, self.mode, self.gamma = cycles, base, mode, gamma

    def curve(self, progress: float) -> float:
        cycle, within = divmod(progress * self.cycles, 1)
        triangle = 1 - abs(2 * within - 1)
        peak = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**progress}[self.mode]
        return float(self.base + (1 - self.base) * triangle * peak)
