"""Schedules that rise and fall: restarts, one cycle, many cycles. Lengths are ratios after the warmup."""

from itertools import accumulate, pairwise
from typing import Annotated, Literal

from annotated_types import Ge

from nnexp.optim.optimizers import Beta
from nnexp.optim.schedules import ROUNDING, Multiplier, Ratio, Schedule, Share, half_cosine

Count = Annotated[int, Ge(1)]
Factor = Annotated[float, Ge(1)]


class CosineRestarts(Schedule):
    """Falls from 1 to `final` along half a cosine, repeatedly: Loshchilov & Hutter 2017 (SGDR), eq. 5."""

    cycles: Count = 3  # how many falls; the last ends with the run
    growth: Factor = 2.0  # the length of each over the one before it, the paper's T_mult
    final: Multiplier = 0.0  # the multiplier at the end of each

    def __post_init__(self) -> None:
        lengths = [self.growth**cycle for cycle in range(self.cycles)]
        ends = [end / sum(lengths) for end in accumulate(lengths)]
        self.falls = list(pairwise([0.0, *ends]))

    def curve(self, progress: float) -> float:
        begin, end = [fall for fall in self.falls if fall[0] <= progress + ROUNDING][-1]
        return self.final + (1 - self.final) * half_cosine(max(0.0, progress - begin) / (end - begin))


class OneCycle(Schedule):
    """Rises from 1 / div_factor to 1, falls to 1 / (div_factor final_div_factor): Smith & Topin 2018.

    The two phases are PyTorch's. Momentum goes the other way, from its maximum to its base and back.
    """

    pct_start: Ratio = 0.3  # the ratio that rises
    div_factor: Factor = 25.0  # the peak, which is the optimizer's lr, over the first multiplier
    final_div_factor: Factor = 1e4  # the first multiplier over the last
    anneal: Literal["cos", "linear"] = "cos"  # the shape of rise and fall, half a cosine or a straight line
    cycle_momentum: bool = True  # whether to set the momentum of an optimizer that has one
    base_momentum: Beta = 0.85  # the momentum at the peak
    max_momentum: Beta = 0.95  # the momentum at both ends

    def curve(self, progress: float) -> float:
        first = 1 / self.div_factor
        last = 1 / (self.div_factor * self.final_div_factor)
        return self.interpolate(progress, first, 1.0, last)

    def momentum(self, progress: float) -> float | None:
        if not self.cycle_momentum:
            return None
        ends = self.max_momentum
        return self.interpolate(self.after_warmup(progress), ends, self.base_momentum, ends)

    def interpolate(self, progress: float, first: float, peak: float, last: float) -> float:
        """Return the value between `first` and `peak` in the first phase, `peak` and `last` in the second."""
        if progress < self.pct_start:
            begin, end = first, peak
            x = progress / self.pct_start
        else:
            begin, end = peak, last
            x = (progress - self.pct_start) / (1 - self.pct_start)
        remaining = half_cosine(x) if self.anneal == "cos" else 1 - x
        return end + (begin - end) * remaining


class Cyclic(Schedule):
    """Rises in a straight line from `base` to a peak and falls back, repeatedly: Smith 2017, section 3.

    Modes: triangular: every peak is 1; triangular2: each is half as far above base as the one before it;
    exp_range: heights above base shrink like gamma ** progress.
    """

    cycles: Count = 4  # how many peaks
    base: Multiplier = 0.1  # the multiplier between them
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: Share = 0.1  # of exp_range: the share of the height at the run's end

    def curve(self, progress: float) -> float:
        cycle, within = divmod(progress * self.cycles, 1)
        triangle = 1 - abs(2 * within - 1)
        peak = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": self.gamma**progress}[self.mode]
        return float(self.base + (1 - self.base) * triangle * peak)
