"""Main effects: the mean of a metric at each value of a param, averaged over the other params."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from nnexp.analysis.results import GroupAnalysis, MainEffect
from nnexp.messages import listed
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import COLORS, FAINT, font_family, style_axes
from nnexp.plots.sweep.axis_limits import FAR, bounds, format_axis, limits_of
from nnexp.plots.sweep.panel import Panel, SweepPlot, sentences, value_label
from nnexp.plots.text import escape

MAX_PARAMS = 8
ROOM = 46  # characters below an axis; longer labels are slanted
NOTE = (
    "Mean of {metric} at each value of a param, averaged over all other params; line: its 95 % interval. "
    "All panels have the same axis: the steeper, the more the param matters."
)


def main_effects_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out a panel for each of the most important params; None: there are no effects."""
    effects = [effect for effect in group.effects if len(effect.levels) > 1][:MAX_PARAMS]
    if not effects:
        return None
    estimates = [level.estimate for effect in effects for level in effect.levels]
    estimates.sort(key=lambda estimate: estimate.mean, reverse=group.direction == "higher")
    limits = limits_of([[each.mean, *bounds(each, group.metric)] for each in estimates], FAR)
    labels: dict[str, list[str]] = {}
    for effect in effects:
        labels.setdefault(effect.note, []).append(effect.label)
    notes = [f"of {listed(names)}: {note}" for note, names in labels.items() if note]
    draw = partial(draw_effect, metric=group.metric, limits=limits)
    return SweepPlot(
        name="main-effects",
        title="Main effects",
        note=sentences(NOTE.format(metric=group.metric), *notes),
        panels=[Panel(partial(draw, effect=effect)) for effect in effects],
    )


def draw_effect(axes: Axes, effect: MainEffect, metric: str, limits: tuple[float, float]) -> None:
    """Draw the means of the values, in their order, with intervals."""
    style_axes(axes, title=escape(effect.label))
    places = range(len(effect.levels))
    means = [level.estimate.mean for level in effect.levels]
    for x, level in zip(places, effect.levels, strict=True):
        interval = bounds(level.estimate, metric)
        axes.plot([x] * len(interval), interval, color=COLORS[0], linewidth=1.6)
        mean = level.estimate.mean
        if not limits[0] <= mean <= limits[1]:
            text = f"{format_metric(metric, mean)} {'▾' if mean < limits[0] else '▴'}"
            place = min(max(mean, limits[0]), limits[1])
            style: dict[str, Any] = {"ha": "center", "va": "bottom" if mean < limits[0] else "top"}
            style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            axes.text(x, place, text, fontsize=8, color=FAINT, **style)
    axes.plot(places, means, "o-", color=COLORS[0], linewidth=1.2, markersize=5)
    set_value_labels(axes, [level.value for level in effect.levels])
    axes.set_xlim(-0.5, len(means) - 0.5)
    axes.set_ylim(*limits)
    format_axis(axes.yaxis, metric)


def set_value_labels(axes: Axes, values: Sequence[str]) -> None:
    """Label the places 0, 1, ... of the x axis with values, slanted where they need more room."""
    labels = [value_label(value) for value in values]
    slanted = max(map(len, labels)) * len(labels) > ROOM
    options: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(range(len(labels)), labels, fontfamily=font_family(), **options)
