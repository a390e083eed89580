"""The profile of a sweep: means with intervals over one param, a line for each value of another."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from nnexp.analysis.profile import Line, Profile, profile_of
from nnexp.analysis.results import GroupAnalysis
from nnexp.analysis.text.answer import answer
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import COLORS, style_axes
from nnexp.plots.sweep.axis_limits import FAR, bounds, format_axis, limits_of
from nnexp.plots.sweep.error_axis import error_limits, is_wide, set_error_scale
from nnexp.plots.sweep.main_effects import set_value_labels
from nnexp.plots.sweep.panel import Panel, SweepPlot, value_label
from nnexp.plots.text import escape

WIDTH, HEIGHT = 8.4, 4.2  # inches
LOGARITHMIC = 20.0  # ratio of the ends beyond which an axis of positive numbers is logarithmic
DODGE = 0.5  # of the distance of two words on the axis, which the lines share
NOTE = "Mean of {metric} over {repeats}; bar: its 95 % interval (Student's t)."
ONE = "One run each, so without intervals: {metric}."
BEYOND = " A triangle and its number: a mean beyond the axis."
BY_ERROR = " The axis is logarithmic in the error, the distance to 100 %."


def profile_plot(group: GroupAnalysis, question: str = "") -> SweepPlot | None:
    """Lay out the profile of one or two params, with question and answer above it; None: there is none."""
    profile = profile_of(group)
    if profile is None:
        return None
    estimates = [point.estimate for line in profile.lines for point in line.points]
    runs = sorted({estimate.n for estimate in estimates})
    repeats = f"{runs[0]} runs" if len(runs) == 1 else f"{runs[0]} to {runs[-1]} runs"
    estimates.sort(key=lambda estimate: estimate.mean, reverse=group.direction == "higher")
    limits = limits_of([[each.mean, *bounds(each, group.metric)] for each in estimates], FAR)
    scores = [each.mean for each in estimates if not is_beyond(each.mean, limits)]
    by_error = is_wide(scores, group.metric)
    if by_error:
        limits = error_limits([end for each in estimates for end in (each.mean, *bounds(each, group.metric))])
    draw = partial(draw_profile, profile=profile, metric=group.metric, limits=limits, by_error=by_error)
    beyond = BEYOND if any(is_beyond(each.mean, limits) for each in estimates) else ""
    scale = BY_ERROR if by_error else ""
    legend = [(color, line.label) for color, line in zip(COLORS, profile.lines, strict=False) if line.label]
    return SweepPlot(
        name="profile",
        title="Profile",
        note=(ONE if runs == [1] else NOTE).format(metric=group.metric, repeats=repeats) + beyond + scale,
        panels=[Panel(draw, WIDTH, HEIGHT)],
        legend=legend,
        headline=f"{question}\n{answer(profile, group)}".strip(),
    )


def draw_profile(
    axes: Axes, profile: Profile, metric: str, limits: tuple[float, float], by_error: bool
) -> None:
    """Draw each line with the intervals of its means; words on the axis are not joined."""
    style_axes(axes, escape(profile.label), escape(metric))
    for number, line in enumerate(profile.lines):
        color = COLORS[number]
        x = positions(profile, line, number)
        shown = [(place, point.estimate) for place, point in zip(x, line.points, strict=True)]
        for place, estimate in shown:
            if is_beyond(estimate.mean, limits):
                mark_beyond(axes, place, estimate.mean, metric, limits, color)
                continue
            ends = bounds(estimate, metric)
            axes.plot([place] * len(ends), ends, color=color, linewidth=1.6)
        means = [estimate.mean for _, estimate in shown]
        axes.plot(x, means, "o-" if profile.is_numeric else "o", color=color, linewidth=1.2, markersize=5)
    set_axis(axes, profile)
    if by_error:
        set_error_scale(axes, limits)
    else:
        axes.set_ylim(*limits)
    format_axis(axes.yaxis, metric)


def is_beyond(mean: float, limits: tuple[float, float]) -> bool:
    """Return whether a mean lies outside of the axis."""
    return not limits[0] <= mean <= limits[1]


def mark_beyond(
    axes: Axes, x: float, mean: float, metric: str, limits: tuple[float, float], color: str
) -> None:
    """Draw a triangle at the edge of the axis beyond which a mean lies, and its number."""
    is_below = mean < limits[0]
    edge = limits[0] if is_below else limits[1]
    axes.plot([x], [edge], "v" if is_below else "^", color=color, markersize=6, clip_on=False, zorder=3)
    axes.annotate(
        format_metric(metric, mean),
        (x, edge),
        xytext=(0, 6 if is_below else -6),
        textcoords="offset points",
        ha="center",
        va="bottom" if is_below else "top",
        rotation=90,
        fontsize=7,
        color=color,
    )


def positions(profile: Profile, line: Line, number: int) -> list[float]:
    """Return where the points of a line lie on the axis: at their numbers, or beside each other."""
    if profile.is_numeric:
        return [float(point.value) for point in line.points]
    n = len(profile.lines)
    shift = DODGE * (number - (n - 1) / 2) / n
    return [profile.values.index(point.value) + shift for point in line.points]


def set_axis(axes: Axes, profile: Profile) -> None:
    """Set scale and ticks of the x axis: a tick at each value."""
    if not profile.is_numeric:
        set_value_labels(axes, profile.values)
        axes.set_xlim(-0.6, len(profile.values) - 0.4)
        return
    numbers = [float(value) for value in profile.values]
    if numbers[0] > 0 and numbers[-1] / numbers[0] >= LOGARITHMIC:
        axes.set_xscale("log")
    options: dict[str, Any] = {"rotation": 30} if is_crowded(numbers, profile.values) else {}
    axes.set_xticks(numbers, [value_label(value) for value in profile.values], **options)
    axes.set_xticks([], minor=True)


def is_crowded(numbers: Sequence[float], values: Sequence[str]) -> bool:
    """Return whether the labels of so many numbers would run into each other."""
    return len(numbers) * max(len(value_label(value)) for value in values) > 60
