"""The one schedule that depends on a metric: it falls when the validation loss stops falling."""

from math import inf
from typing import Annotated

from annotated_types import Ge

from nnexp.optim.schedules import Multiplier, Ratio, Schedule

Evaluations = Annotated[int, Ge(0)]


class Plateau(Schedule):
    """Falls after more than `patience` evaluations without improvement: PyTorch's ReduceLROnPlateau.

    Unlike every other schedule it has a state: its curve depends on the losses it observed, not on progress.
    """

    factor: Ratio = 0.1  # of each fall
    patience: Evaluations = 2  # without improvement before the factor applies
    threshold: Annotated[float, Ge(0)] = 1e-4  # the smallest improvement, as a share of the best loss
    cooldown: Evaluations = 0  # after a fall, that do not count
    floor: Multiplier = 0.0  # the lowest multiplier

    def __post_init__(self) -> None:
        self.multiplier = 1.0
        self.best_loss = inf
        self.evaluations_since_improvement = 0
        self.cooldown_left = 0

    def curve(self, progress: float) -> float:
        return self.multiplier

    def observe(self, loss: float) -> None:
        self.evaluations_since_improvement += 1
        if loss < self.best_loss * (1 - self.threshold):
            self.best_loss = loss
            self.evaluations_since_improvement = 0
        if self.cooldown_left:
            self.cooldown_left -= 1
            self.evaluations_since_improvement = 0
        if self.evaluations_since_improvement > self.patience:
            self.multiplier = max(self.multiplier * self.factor, self.floor)
            self.cooldown_left = self.cooldown
            self.evaluations_since_improvement = 0
