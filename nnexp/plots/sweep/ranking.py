"""The ranking of settings: each one's runs as dots, their mean and its interval, best first."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes

from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import COLORS, FAINT, REFERENCE, TEXT, font_family, style_axes
from nnexp.plots.sweep.axis_limits import REACH, bounds, format_axis, limits_of
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

MAX_SETTINGS = 25
MAX_LABEL = 52  # characters
WIDTH = 7.0  # inches
ROW_HEIGHT = 0.24
NOTE = "Dot: a run; diamond and line: the mean of a setting and its 95 % interval (Student's t){interval}."


def ranking_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out the best settings below each other; None: no run has a result."""
    ranked = [setting for setting in group.settings if setting.estimate]
    if len(ranked) < 2:
        return None
    shown = ranked[:MAX_SETTINGS]
    some = f", the best {len(shown)} of {len(ranked)}" if len(shown) < len(ranked) else ""
    several = any(setting.estimate and setting.estimate.n > 1 for setting in shown)
    return SweepPlot(
        name="ranking",
        title=f"Settings by {group.metric}{some}",
        note=NOTE.format(interval="" if several else ", which one run does not have"),
        panels=[Panel(partial(draw_ranking, shown=shown, group=group), WIDTH, 0.7 + ROW_HEIGHT * len(shown))],
    )


def draw_ranking(axes: Axes, shown: Sequence[SettingSummary], group: GroupAnalysis) -> None:
    """Draw a row for each setting; one that is far from the better half does not stretch the axis."""
    style_axes(axes, escape(group.metric))
    for y, setting in enumerate(shown):
        assert setting.estimate is not None
        color = COLORS[y] if y < len(COLORS) else REFERENCE
        interval = bounds(setting.estimate, group.metric)
        values = list(setting.values.values())
        axes.plot(values, [y] * len(values), "o", color=color, markersize=4, alpha=0.5, markeredgewidth=0)
        axes.plot(interval, [y] * len(interval), color=color, linewidth=1.6)
        axes.plot(setting.estimate.mean, y, "D", color=color, markersize=5, markeredgecolor="white")
    rows = [[*each.values.values(), *bounds(each.estimate, group.metric)] for each in shown if each.estimate]
    left, right = limits_of(rows, REACH)
    axes.set_xlim(left, right)
    for y, setting in enumerate(shown):
        mean = setting.estimate.mean if setting.estimate else left
        text = format_metric(group.metric, mean)
        style: dict[str, Any] = {"fontsize": 8, "color": FAINT, "va": "center"}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        if mean < left:
            axes.annotate(f"◂ {text}", (left, y), (4, 0), textcoords="offset points", **style)
        elif mean > right:
            axes.annotate(f"{text} ▸", (right, y), (-4, 0), textcoords="offset points", ha="right", **style)
    axes.set_yticks(range(len(shown)), [escape(setting.label, MAX_LABEL) for setting in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", labelsize=8, labelcolor=TEXT, labelfontfamily=font_family())
    format_axis(axes.xaxis, group.metric)
