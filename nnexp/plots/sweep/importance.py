"""Importance: the share of a metric's variance that each param explains, as bars."""

from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nnexp.analysis.results import GroupAnalysis, Importance
from nnexp.plots.style import COLORS, REFERENCE, font_family, style_axes
from nnexp.plots.sweep.panel import Panel, SweepPlot, sentences
from nnexp.plots.text import escape

WIDTH = 7.0  # inches
ROW_HEIGHT = 0.28
MAX_BARS = 12  # of params, and of interactions
MAX_INTERACTIONS = 5
MAX_LABEL = 36  # characters
METHODS = {
    "functional ANOVA": "Share of the variance of {metric} over all settings (functional ANOVA).",
    "random forest": "Loss of fit of a random forest when a param is permuted, as a share of all (line: its "
    "standard deviation).",
}


def importance_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out the bars; None: the importance is unknown."""
    importance = group.importance
    if importance is None or not importance.params:
        return None
    bars = min(len(importance.params), MAX_BARS) + min(len(importance.interactions), MAX_INTERACTIONS) + 1
    return SweepPlot(
        name="importance",
        title="Importance of params",
        note=sentences(METHODS[importance.method].format(metric=group.metric), importance.note),
        panels=[Panel(partial(draw_importance, importance=importance), WIDTH, 0.8 + ROW_HEIGHT * bars)],
    )


def draw_importance(axes: Axes, importance: Importance) -> None:
    """Draw a bar for each param, then those of interactions and of chance."""
    bars = [(param, COLORS[0]) for param in importance.params[:MAX_BARS]]
    bars += [(pair, COLORS[5]) for pair in importance.interactions[:MAX_INTERACTIONS]]
    names = [escape(param.label, MAX_LABEL) for param, _ in bars]
    style_axes(axes)
    axes.grid(visible=False, axis="y")
    for y, (param, color) in enumerate(bars):
        axes.barh(y, param.share, color=color, xerr=param.std, ecolor="#555555", height=0.66)
        axes.text(param.share + (param.std or 0), y, f"  {param.share:.1%}", va="center", fontsize=8)
    if importance.noise is not None:
        axes.barh(len(bars), importance.noise, color=REFERENCE, height=0.66)
        axes.text(importance.noise, len(bars), f"  {importance.noise:.1%}", va="center", fontsize=8)
        names.append("seeds and folds (chance)")
    axes.set_yticks(range(len(names)), names, fontfamily=font_family())
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
