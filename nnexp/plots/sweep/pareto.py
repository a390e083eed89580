"""Cost against score: each setting as a point, the Pareto front as a line."""

from functools import partial
from typing import Any

from matplotlib.axes import Axes

from nnexp.analysis.results import GroupAnalysis, Pareto
from nnexp.plots.style import COLORS, REFERENCE, style_axes
from nnexp.plots.sweep.axis_limits import FAR, bounds, format_axis, limits_of, note_beyond
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

WIDTH, HEIGHT = 7.0, 4.0  # inches
LOGARITHMIC = 30.0  # ratio of costs
MAX_NAMED = 8
NOTE = (
    "Each point is a setting: its mean {cost} and {score}. No other setting is both cheaper and better than "
    "one on the line (Pareto front); thin lines: their 95 % intervals."
)


def pareto_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out the points; None: costs are unknown, or of one setting only."""
    pareto = group.pareto
    if pareto is None or len(pareto.points) < 2:
        return None
    front = [point.label for point in pareto.points if point.is_optimal]
    named = [f"{number}  {label}" for number, label in enumerate(front[-MAX_NAMED:], 1)]
    return SweepPlot(
        name="pareto",
        title="Cost against score",
        note=NOTE.format(cost=pareto.cost, score=pareto.score),
        panels=[Panel(partial(draw_pareto, pareto=pareto, group=group), WIDTH, HEIGHT)],
        legend=[(COLORS[3], label) for label in named],
    )


def draw_pareto(axes: Axes, pareto: Pareto, group: GroupAnalysis) -> None:
    """Draw the points with their intervals, and the front, whose settings are numbered."""
    style_axes(axes, escape(pareto.cost), escape(pareto.score))
    others = [point for point in pareto.points if not point.is_optimal]
    front = sorted((point for point in pareto.points if point.is_optimal), key=lambda point: point.cost)
    axes.plot(
        [p.cost for p in others], [p.score for p in others], "o", color=REFERENCE, alpha=0.6, markersize=4
    )
    costs, scores = [point.cost for point in front], [point.score for point in front]
    axes.plot(costs, scores, color=COLORS[3], linewidth=1.2, drawstyle="steps-post")
    axes.plot(costs, scores, "o", color=COLORS[3], markersize=6)
    for number, point in enumerate(front[-MAX_NAMED:], 1):
        offset: dict[str, Any] = {
            "textcoords": "offset points",
            "xytext": (0, 6),
            "ha": "center",
            "fontsize": 9,
        }
        axes.annotate(str(number), (point.cost, point.score), **offset)
    intervals = {each.label: bounds(each.estimate, group.metric) for each in group.settings if each.estimate}
    for point in front:
        interval = intervals.get(point.label, [])
        axes.plot([point.cost] * len(interval), interval, color=COLORS[3], linewidth=1, alpha=0.5)
    every = [point.cost for point in pareto.points]
    if min(every) > 0 and max(every) > LOGARITHMIC * min(every):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    optimal = {point.label for point in front}
    ranked = sorted(pareto.points, key=lambda point: point.score, reverse=group.direction == "higher")
    rows = [
        [each.score, *(intervals.get(each.label, []) if each.label in optimal else [])] for each in ranked
    ]
    bottom, top = limits_of(rows, FAR)
    axes.set_ylim(bottom, top)
    beyond = sum(not bottom <= point.score <= top for point in pareto.points)
    note_beyond(axes, beyond, f"{len(pareto.points)} settings")
    format_axis(axes.xaxis, pareto.cost)
    format_axis(axes.yaxis, pareto.score)
