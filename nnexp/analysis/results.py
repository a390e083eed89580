"""What the statistics of comparable runs are: plain values for tables, plots and reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from nnexp.analysis.estimate import LEVEL, Estimate
from nnexp.analysis.run_table import RunRow


@dataclass(frozen=True)
class LeaderboardRow:
    """A run among all of its group, best first; runs without a result come last."""

    rank: int | None  # 1 is the best; equal runs share it; of several objectives the front; None: no result
    row: RunRow
    setting: str  # the label of its setting
    value: float | None


@dataclass(frozen=True)
class SettingSummary:
    """A setting, aggregated over its repeats: seeds and folds."""

    label: str  # "adam lr=0.01"
    params: Mapping[str, str]  # the swept ones, without seed and fold
    rows: tuple[RunRow, ...]  # all of its runs
    values: Mapping[tuple[str, ...], float]  # by repeat: the values of seed and fold
    estimate: Estimate | None  # None: no run has a result
    best: RunRow | None
    failed: int  # runs without a result
    pruned: tuple[str, ...] = ()  # where a search has ended runs: "epoch 3"
    front: int | None = None  # of several objectives, 1: the Pareto front; None: it lacks a value of one

    def mean(self, metric: str) -> float | None:
        """Return the mean of any metric over the runs that have it; None: none has."""
        values = [value for row in self.rows if (value := row.value(metric)) is not None]
        return fmean(values) if values else None


@dataclass(frozen=True)
class Comparison:
    """Two settings, or two values of a param: b minus a, whether that is more than chance, by which test."""

    a: str
    b: str
    difference: Estimate  # of b minus a; n: pairs, or of Welch's test all values
    test: Literal["paired t-test", "Welch's t-test"] | None  # None: there is nothing to test with
    p: float | None  # of a difference at least so large if there were none
    adjusted_p: float | None  # the same, corrected by Holm for all comparisons that were made
    note: str = ""  # why there is no test, in words

    @property
    def is_significant(self) -> bool:
        return self.adjusted_p is not None and self.adjusted_p < LEVEL


@dataclass(frozen=True)
class Level:
    """A value of a param, or a range of them, averaged over the other params."""

    value: str  # "0.01"; of many numbers a range: "0.001 to 0.01"
    estimate: Estimate  # over the units of the effect


@dataclass(frozen=True)
class MainEffect:
    """What changing one param does, averaged over all others."""

    key: str
    label: str  # the key, shortened
    levels: tuple[Level, ...]  # numbers in their order, others as they were swept
    unit: Literal["repeats", "settings"]  # what the n of a level counts: independent repetitions
    comparisons: tuple[Comparison, ...]  # of each two levels
    note: str = ""  # what limits it, in words

    @property
    def size(self) -> float:
        """The difference of its best and its worst level."""
        means = [level.estimate.mean for level in self.levels]
        return max(means) - min(means)


@dataclass(frozen=True)
class Interaction:
    """Means of a metric by the values of two params: whether what one does depends on the other."""

    keys: tuple[str, str]
    labels: tuple[str, str]
    rows: tuple[str, ...]  # values of the first param
    columns: tuple[str, ...]  # values of the second
    means: tuple[tuple[float | None, ...], ...]  # (rows, columns); None: no run
    counts: tuple[tuple[int, ...], ...]  # runs with a result
    p: float | None  # by an F-test, of so much interaction if there were none; None: see the note
    note: str = ""  # why there is no test, in words


@dataclass(frozen=True)
class ParamImportance:
    """How much of the variance of the metric a param explains."""

    key: str
    label: str
    share: float  # 0 ... 1
    std: float | None = None  # of a random forest, over its repeated permutations


@dataclass(frozen=True)
class Importance:
    """The params by importance, most important first."""

    method: Literal["functional ANOVA", "random forest"]
    params: tuple[ParamImportance, ...]
    interactions: tuple[ParamImportance, ...] = ()  # of two params: key and label are joined by " x "
    noise: float | None = None  # the share that seeds and folds explain
    fit: float | None = None  # R2 of the forest on runs that it was not fitted to
    note: str = ""  # what limits it, in words


@dataclass(frozen=True)
class ParetoPoint:
    """A setting's mean cost and mean score."""

    label: str
    cost: float
    score: float
    is_optimal: bool  # no other setting is at least as cheap and as good, and better in one of both


@dataclass(frozen=True)
class Pareto:
    """Cost against score, cheapest first."""

    cost: str  # the name of the metric
    score: str
    points: tuple[ParetoPoint, ...]


@dataclass(frozen=True)
class GroupAnalysis:
    """All statistics of runs that can be compared: of one metric on the same data."""

    title: str  # "best/val_accuracy on digits"
    metric: str
    direction: Literal["higher", "lower"]
    keys: tuple[str, ...]  # the params that make settings
    labels: Mapping[str, str]  # the same, shortened
    repeats: tuple[str, ...]  # those of seed and fold that differ
    leaderboard: tuple[LeaderboardRow, ...]
    settings: tuple[SettingSummary, ...]  # the best mean first; of several objectives the Pareto front
    objectives: Mapping[str, Literal["higher", "lower"]] = field(
        default_factory=dict
    )  # where there are several
    comparisons: tuple[Comparison, ...] = ()  # of each two settings
    effects: tuple[MainEffect, ...] = ()  # most important first
    importance: Importance | None = None
    interaction: Interaction | None = None  # of the two most important params
    pareto: Pareto | None = None
    conclusion: tuple[str, ...] = ()  # what the numbers say, in sentences
    caveats: tuple[str, ...] = ()  # what limits them, in sentences

    @property
    def best(self) -> SettingSummary | None:
        """The setting of the best mean."""
        return next((setting for setting in self.settings if setting.estimate), None)

    @property
    def front(self) -> list[SettingSummary]:
        """The Pareto front of several objectives, best of the first one first."""
        return [setting for setting in self.settings if setting.front == 1]

    @property
    def pairs(self) -> int:
        """How many comparisons p-values are corrected for: the tested ones, and of very many the unlisted."""
        count = sum(setting.estimate is not None for setting in self.settings)
        unlisted = count * (count - 1) // 2 - len(self.comparisons)
        return sum(each.p is not None for each in self.comparisons) + unlisted


@dataclass(frozen=True)
class Analysis:
    """The statistics of a table of runs: a group for each metric and data set, the largest first."""

    groups: tuple[GroupAnalysis, ...]
    without_result: tuple[RunRow, ...] = field(default=())  # runs that belong to no group
