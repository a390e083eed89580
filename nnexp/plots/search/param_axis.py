"""The axis of a param of a search space: numbers, their logarithms, or choices one after the other."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Literal

from matplotlib.axes import Axes

from nnexp.analysis.study_data import StudyParam, StudyTrial
from nnexp.plots.style import font_family
from nnexp.plots.text import escape

MAX_CHOICE = 14  # characters
MAX_CHOICES = 3  # with horizontal labels
SLANT = 30  # degrees
FACTORS = ((1,), (1, 3), (1, 2, 5), range(1, 10))  # of powers of 10, the numbers at the ticks of logarithms
MIN_TICKS, MAX_TICKS = 2, 7


def places(param: StudyParam, trials: Sequence[StudyTrial]) -> list[float]:
    """Return where trials lie on the axis of a param that all of them have (log10 of its values)."""
    values = [trial.params[param.name] for trial in trials]
    if param.choices:
        return [param.choices.index(str(value)) for value in values]
    return [log10(float(value)) if param.is_log else float(value) for value in values]


def format_param_axis(axes: Axes, which: Literal["x", "y"], param: StudyParam) -> None:
    """Set ticks and label of an axis, on which trials are drawn already, to those of a param."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_label_text(escape(param.label), fontsize=9, fontfamily=font_family())
    if param.choices:
        names = [escape(choice, MAX_CHOICE) for choice in param.choices]
        rotation = SLANT if which == "x" and len(names) > MAX_CHOICES else 0
        axis.set_ticks(range(len(names)), names, fontfamily=font_family(), rotation=rotation)
        set_limits = axes.set_xlim if which == "x" else axes.set_ylim
        set_limits(-0.5, len(names) - 0.5)
    elif param.is_log:
        ticks = log_ticks(*axis.get_view_interval())
        axis.set_ticks(ticks, [f"{10**tick:.3g}" for tick in ticks], fontfamily=font_family())


def log_ticks(low: float, high: float) -> list[float]:
    """Return logarithms of round numbers between two others: powers of 10, and more where these are few."""
    ticks: list[float] = []
    for factors in FACTORS:
        decades = range(floor(low), ceil(high) + 1)
        ticks = [decade + log10(factor) for decade in decades for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= MIN_TICKS:
            break
    return ticks[:: ceil(len(ticks) / MAX_TICKS) or 1]
