"""Slices of a search: the objective over each param, later trials in darker colours."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes

from nnexp.analysis.study_data import StudyData, StudyParam
from nnexp.plots.search.param_axis import format_param_axis, places
from nnexp.plots.style import apply_colormap, style_axes
from nnexp.plots.sweep.axis_limits import FAR, format_axis, limits_of, note_beyond
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

MAX_PARAMS = 8
NOTE = "Each point is a complete trial: its value of the param, and its {metric}; the darker the later."


def slice_plot(study: StudyData) -> SweepPlot | None:
    """Lay out a panel for each param, the most important first; None: fewer than two trials are complete."""
    if len(study.complete) < 2 or not study.params:
        return None
    return SweepPlot(
        name="search-slice",
        title="Slices",
        note=NOTE.format(metric=study.objectives[0].metric),
        panels=[Panel(partial(draw_slice, study=study, param=param)) for param in study.params[:MAX_PARAMS]],
    )


def draw_slice(axes: Axes, study: StudyData, param: StudyParam) -> None:
    """Draw the trials that have the param."""
    metric = study.objectives[0].metric
    style_axes(axes, ylabel=escape(metric))
    trials = [trial for trial in study.complete if param.name in trial.params]
    numbers = np.array([trial.number for trial in trials], float)
    last = max((trial.number for trial in study.trials), default=1) or 1
    colors = apply_colormap(0.3 + 0.7 * numbers / last, "Blues") / 255
    values = [trial.values[0] for trial in trials]
    axes.scatter(places(param, trials), values, c=colors, s=16, linewidths=0)
    format_param_axis(axes, "x", param)
    bottom, top = limits_of([[trial.values[0]] for trial in study.ranked(0)], FAR)
    axes.set_ylim(bottom, top)
    note_beyond(axes, sum(not bottom <= value <= top for value in values), f"{len(values)} trials")
    format_axis(axes.yaxis, metric)
