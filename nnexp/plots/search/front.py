"""The Pareto front of a search for several objectives."""

from functools import partial
from typing import Any

from matplotlib.axes import Axes

from nnexp.analysis.study_data import StudyData
from nnexp.plots.style import COLORS, REFERENCE, style_axes
from nnexp.plots.sweep.axis_limits import FAR, format_axis, limits_of, note_beyond
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

WIDTH, HEIGHT = 7.0, 4.0  # inches
LOGARITHMIC = 30.0  # ratio of values
NOTE = (
    "Each point is a trial. No other trial is as good in all objectives and better in one than those in "
    "colour, numbered by trial (Pareto front)."
)


def front_plot(study: StudyData) -> SweepPlot | None:
    """Lay out the first objective over each other one; None: there is one objective, or no complete trial."""
    if len(study.objectives) < 2 or len(study.complete) < 2:
        return None
    others = range(1, len(study.objectives))
    panels = [Panel(partial(draw_front, study=study, other=i), WIDTH, HEIGHT) for i in others]
    return SweepPlot("search-pareto", f"Pareto front of {len(study.front)} trials", NOTE, panels)


def draw_front(axes: Axes, study: StudyData, other: int) -> None:
    """Draw all trials, and those of the front with their numbers."""
    score, cost = study.objectives[0].metric, study.objectives[other].metric
    style_axes(axes, escape(cost), escape(score))
    front = study.front
    rest = [trial for trial in study.complete if trial not in front]
    for trials, color, size in ((rest, REFERENCE, 4), (front, COLORS[3], 6)):
        points = [trial.values[other] for trial in trials], [trial.values[0] for trial in trials]
        axes.plot(*points, "o", color=color, markersize=size, alpha=0.8)
    if len(study.objectives) == 2:  # the front of more is no line
        line = sorted((trial.values[other], trial.values[0]) for trial in front)
        where = "pre" if study.objectives[other].sign > 0 else "post"
        axes.plot(*zip(*line, strict=True), color=COLORS[3], linewidth=1.2, drawstyle=f"steps-{where}")
    for trial in front:
        place = trial.values[other], trial.values[0]
        style: dict[str, Any] = {"textcoords": "offset points", "xytext": (0, 6), "fontsize": 8}
        axes.annotate(str(trial.number), place, **style).set_in_layout(False)
    costs = [trial.values[other] for trial in study.complete]
    if min(costs) > 0 and max(costs) > LOGARITHMIC * min(costs):
        axes.set_xscale("log")
    bottom, top = limits_of([[trial.values[0]] for trial in study.ranked(0)], FAR)
    axes.set_ylim(bottom, top)
    beyond = sum(not bottom <= trial.values[0] <= top for trial in study.complete)
    note_beyond(axes, beyond, f"{len(study.complete)} trials")
    format_axis(axes.xaxis, cost)
    format_axis(axes.yaxis, score)
