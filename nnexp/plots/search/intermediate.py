"""Intermediate values: the curve of each trial, and where pruning has ended it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nnexp.analysis.study_data import StudyData, StudyTrial
from nnexp.plots.style import COLORS, REFERENCE, style_axes
from nnexp.plots.sweep.axis_limits import limit
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

WIDTH, HEIGHT = 7.0, 3.8  # inches
NOTE = (
    "Each line is a trial. {pruned} of {all} trials were pruned where their lines end; together the trials "
    "have trained {epochs:,} epochs, {share:.0%} of those of as many complete ones."
)


def intermediate_plot(study: StudyData) -> SweepPlot | None:
    """Lay out the curves; None: no trial has reported a value."""
    trials = [trial for trial in study.trials if trial.intermediate]
    if not trials or len(study.objectives) > 1:
        return None
    lasts = [max(trial.intermediate) for trial in trials]
    pruned = sum(trial.state == "PRUNED" for trial in trials)
    whole = max(lasts) * len(trials)
    note = NOTE if pruned else NOTE.partition(" {pruned}")[0]
    legend = [(COLORS[3], "best"), (COLORS[0], "complete"), (REFERENCE, "pruned")]
    return SweepPlot(
        name="search-intermediate",
        title="Intermediate values",
        note=note.format(pruned=pruned, all=len(trials), epochs=sum(lasts), share=sum(lasts) / whole),
        panels=[Panel(partial(draw_intermediate, study=study), WIDTH, HEIGHT)],
        legend=legend if pruned else legend[:2],
    )


def draw_intermediate(axes: Axes, study: StudyData) -> None:
    """Draw the curves of pruned trials, then those of complete ones, then the best."""
    objective = study.objectives[0]
    metric = objective.metric.replace("best/val_", "val/")
    style_axes(axes, "epoch", escape(metric))
    best = study.ranked(0)[:1]
    complete = [trial for trial in study.complete if trial not in best]
    others = [trial for trial in study.trials if trial not in complete and trial not in best]
    styles: Sequence[tuple[Sequence[StudyTrial], dict[str, Any]]] = (
        (others, {"color": REFERENCE, "linewidth": 0.9, "alpha": 0.7}),
        (complete, {"color": COLORS[0], "linewidth": 1.1, "alpha": 0.8}),
        (best, {"color": COLORS[3], "linewidth": 2.0}),
    )
    for trials, style in styles:
        for trial in trials:
            epochs = sorted(trial.intermediate)
            curve = [trial.intermediate[epoch] for epoch in epochs]
            axes.plot(epochs, curve, **style)
            if trial.state == "PRUNED":
                axes.plot(epochs[-1:], curve[-1:], "x", color=REFERENCE, markersize=4)
    curves = [[trial.intermediate[e] for e in sorted(trial.intermediate)] for trial in study.trials]
    limit(axes, metric, objective.direction, [curve for curve in curves if curve], [])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
