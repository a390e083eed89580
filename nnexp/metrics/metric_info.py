"""Direction, format and kind of each metric, one row each; every table and report reads them here."""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

from nnexp.messages import duration, percent

Direction = Literal["higher", "lower", "neither"]
Style = Literal["number", "percent", "decimals"]
MAX_WITH_DECIMALS, MIN_WHOLE, MAX_WHOLE = 1e6, 1e4, 1e9


@dataclass(frozen=True)
class MetricInfo:
    """A metric, or several whose names match one pattern."""

    pattern: str  # of the logged name, with * for anything
    direction: Direction = "neither"  # whether higher or lower values are better
    style: Style = "number"  # how a value is formatted
    unit: str = ""  # of the logged value; seconds are formatted as a duration
    share: bool = False  # whether it is bounded by 1 (accuracy, R2, ...), so that differences are absolute
    cost: bool = False  # whether it measures effort, which can be compared whatever was learnt
    is_score: bool = False  # whether it is the main score of a task
    exact: bool = False  # whether no sum is rounded in it, so that two equal trainings have equal values

    def bound(self, value: float) -> float:
        """Return the value that the metric can have next to an end of an interval."""
        is_positive = self.share or self.unit == "s" or self.pattern in ("*mae", "*rmse")
        lowest = 0.0 if is_positive and self.pattern != "*r2" else -math.inf
        return min(max(value, lowest), 1.0 if self.share else math.inf)

    def format(self, value: float) -> str:
        """Format a value: an accuracy in percent, a loss with four decimals, others with four digits."""
        if not math.isfinite(value):
            return str(value)
        if self.unit == "s":
            return duration(value)
        if self.style == "percent":
            return percent(value, 2)
        if self.style == "decimals" and abs(value) < MAX_WITH_DECIMALS:
            return f"{value:.4f}"
        whole = float(value).is_integer() or abs(value) >= MIN_WHOLE
        return f"{value:,.0f}" if whole and abs(value) < MAX_WHOLE else f"{value:.4g}"


METRICS = (
    MetricInfo("*balanced_accuracy", "higher", "percent", share=True),
    MetricInfo("*accuracy", "higher", "percent", share=True, is_score=True),
    *(MetricInfo(f"*accuracy_{end}", "neither", "percent", share=True) for end in ("lower", "upper")),
    MetricInfo("*r2", "higher", "decimals", share=True, is_score=True),
    MetricInfo("*exact_match", "higher", "percent", share=True),
    *(MetricInfo(f"*{name}", "higher", "decimals", share=True) for name in ("auc", "average_precision")),
    MetricInfo("recall/*", "higher", "percent", share=True),
    *(MetricInfo(f"*{name}", "higher", "percent", share=True) for name in ("precision", "recall", "f1")),
    MetricInfo("*loss", "lower", "decimals"),
    MetricInfo("*ece", "lower", "decimals", share=True),
    MetricInfo("*mae", "lower"),
    MetricInfo("*rmse", "lower"),
    MetricInfo("time/*", "lower", unit="s", cost=True),
    MetricInfo("seconds", "lower", unit="s", cost=True),
    MetricInfo("examples_per_second", "higher", unit="1/s", cost=True),
    MetricInfo("dead_units/*", "lower", share=True),
    MetricInfo("parameters", "lower", cost=True, exact=True),
    MetricInfo("lr", exact=True),
    MetricInfo("best/epoch", exact=True),
    MetricInfo("best/step", exact=True),
)
"""The first row that matches a name counts; a new metric is a row here."""
SPLIT_METRICS = ("accuracy", "r2", "loss")
"""What training is measured by; a metric of one's own cannot have such a name."""
AREAS = ("auc", "average_precision")
OTHER_METRICS = ("balanced_accuracy", "macro_f1", *AREAS, "exact_match", "ece", "mae", "rmse")
TASK_METRICS = (*SPLIT_METRICS, *OTHER_METRICS)
"""The metrics of a split, of whatever task."""
EACH, BEST, TEST = "val/", "best/val_", "test/"
PARAMETERS = "parameters"
COSTS = ("time/total", PARAMETERS)
"""What a run costs: seconds, and how many parameters its network has."""
RUN_METRICS = (*(f"{when}{name}" for when in (BEST, TEST) for name in TASK_METRICS), *COSTS)
"""The metrics that a run may return to a sweep."""


@cache
def metric_info(name: str) -> MetricInfo:
    """Return what is known of the metric of that logged name; of an unknown one, a row of defaults."""
    plain = name.removeprefix("metrics.")
    return next((info for info in METRICS if fnmatchcase(plain, info.pattern)), MetricInfo(name))


def format_metric(name: str, value: float) -> str:
    """Format a metric's value for a reader."""
    return metric_info(name).format(value)
