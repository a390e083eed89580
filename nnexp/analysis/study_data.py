"""The trials of a search as plain values: what its plots are drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from nnexp.metrics.objectives import front_numbers


@dataclass(frozen=True)
class StudyTrial:
    """A trial: what was chosen, and what came of it."""

    number: int
    state: str  # as Optuna names it: COMPLETE, PRUNED, FAIL, RUNNING, WAITING
    params: Mapping[str, str | float]
    values: tuple[float, ...] = ()  # of the objectives, where it is complete
    intermediate: Mapping[int, float] = field(default_factory=dict)  # by epoch


@dataclass(frozen=True)
class StudyParam:
    """A dimension of the search space."""

    name: str
    label: str  # shortened
    choices: tuple[str, ...] = ()  # none: it is a number
    is_log: bool = False


@dataclass(frozen=True)
class Objective:
    """What is optimized, and how much each param matters for it."""

    metric: str
    direction: Literal["higher", "lower"]
    importance: Mapping[str, float] = field(default_factory=dict)  # shares by param; empty: unknown

    @property
    def sign(self) -> int:
        """1 where higher values are better, else -1."""
        return 1 if self.direction == "higher" else -1


@dataclass(frozen=True)
class StudyData:
    """A study: the params by their importance for the first objective."""

    objectives: Sequence[Objective]
    params: Sequence[StudyParam]
    trials: Sequence[StudyTrial]

    @property
    def complete(self) -> list[StudyTrial]:
        """The trials that have a finite value of each objective, by number."""
        return [
            trial
            for trial in self.trials
            if trial.state == "COMPLETE" and trial.values and all(map(isfinite, trial.values))
        ]

    def ranked(self, objective: int) -> list[StudyTrial]:
        """Return the complete trials, the best of an objective first."""
        sign = self.objectives[objective].sign
        return sorted(self.complete, key=lambda trial: -sign * trial.values[objective])

    @property
    def front(self) -> list[StudyTrial]:
        """The Pareto front: no other trial is as good in all objectives and better in one."""
        signs = [objective.sign for objective in self.objectives]
        scores = [
            [sign * value for sign, value in zip(signs, trial.values, strict=True)] for trial in self.complete
        ]
        return [
            trial for trial, number in zip(self.complete, front_numbers(scores), strict=True) if number == 1
        ]
