"""The one schedule that looks at a metric: it falls when the validation loss no longer does."""

from math import inf
from typing import Annotated

from annotated_types import Ge

from nnexp.optim.schedules import Multiplier, Ratio, Schedule, Warmup


class Plateau(Schedule):
    """Falls by a factor when more than `patience` evaluations in a row brought no better loss: PyTorch's ReduceLROnPlateau.

    Unlike every other schedule it has a state, so its curve depends on what it has been told, not on progress.

    Args:
        factor: of each fall.
        patience: evaluations without a better loss that are put up with.
        threshold: the share of the best loss by which a loss must be lower to be better.
        cooldown: evaluations after a fall that do not count.
        floor: the lowest multiplier.
        warmup: see Schedule.
        start: see Schedule.
    """

    def __init__(
        self,
        factor: Ratio = 0.1,
        patience: Annotated[int, Ge(0)] = 2,
        threshold: Annotated[float, Ge(0)] = 1e-4,
        cooldown: Annotated[int, Ge(0)] = 0,
        floor: Multiplier = 0.0,
        warmup: Warmup = 0.0,
        start: Multiplier = 0.01,
    ) -> None:
        super().__init__(warmup, start)
        self.factor, self.patience, self.threshold, self.cooldown, self.floor = (
            factor,
            patience,
            threshold,
            cooldown,
            floor,
        )
        self.multiplier, self.best = 1.0, inf
        self.bad = self.cooling = 0  # evaluations

    def curve(self, progress: float) -> float:
        return self.multiplier

    def observe(self, value: float) -> None:
        if value < self.best * (1 - self.threshold):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            self.multiplier = max(self.multiplier * self.factor, self.floor)
            self.cooling, self.bad = self.cooldown, 0
