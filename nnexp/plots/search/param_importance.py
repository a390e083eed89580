"""Importance of the params of a search, as Optuna evaluates it: bars."""

from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nnexp.analysis.study_data import Objective, StudyData
from nnexp.plots.style import COLORS, font_family, style_axes
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

WIDTH = 7.0  # inches
ROW_HEIGHT = 0.28
MAX_BARS = 12
NOTE = (
    "How much each param decides whether a trial is among the best (PED-ANOVA, by Optuna, of the complete "
    "trials), as a share of all."
)


def param_importance_plot(study: StudyData) -> SweepPlot | None:
    """Lay out a panel for each objective; None: the importance is unknown."""
    objectives = [objective for objective in study.objectives if objective.importance]
    if not objectives:
        return None
    height = 0.9 + ROW_HEIGHT * min(len(study.params), MAX_BARS)
    return SweepPlot(
        name="search-importance",
        title="Importance for the search",
        note=NOTE,
        panels=[
            Panel(partial(draw_importance, objective=objective, study=study), WIDTH, height)
            for objective in objectives
        ],
    )


def draw_importance(axes: Axes, objective: Objective, study: StudyData) -> None:
    """Draw a bar for each param, the most important at the top."""
    labels = {param.name: param.label for param in study.params}
    bars = sorted(objective.importance.items(), key=lambda pair: -pair[1])[:MAX_BARS]
    style_axes(axes, title=escape(objective.metric) if len(study.objectives) > 1 else "")
    axes.grid(visible=False, axis="y")
    for y, (_, share) in enumerate(bars):
        axes.barh(y, share, color=COLORS[0], height=0.66)
        axes.text(share, y, f"  {share:.1%}", va="center", fontsize=8)
    names = [escape(labels.get(name, name), 36) for name, _ in bars]
    axes.set_yticks(range(len(names)), names, fontfamily=font_family())
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
