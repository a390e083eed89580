"""The history of a search: the value of each trial in the order in which they began, and the best so far."""

from functools import partial
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nnexp.analysis.study_data import Objective, StudyData
from nnexp.messages import plural
from nnexp.plots.style import COLORS, FAINT, REFERENCE, style_axes
from nnexp.plots.sweep.axis_limits import FAR, format_axis, limits_of, note_beyond
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

WIDTH, HEIGHT = 7.0, 3.6  # inches
NOTE = "Each point is a trial; line: the best value so far; ticks below: trials without a value ({states})."


def history_plot(study: StudyData) -> SweepPlot | None:
    """Lay out a panel for each objective; None: no trial is complete."""
    if not study.complete:
        return None
    ended = {"PRUNED": "pruned", "FAIL": "failed"}
    counts = {name: sum(trial.state == state for trial in study.trials) for state, name in ended.items()}
    states = " and ".join(f"{count} {name}" for name, count in counts.items() if count)
    note = NOTE if states else NOTE.partition("; ticks")[0] + "."
    return SweepPlot(
        name="search-history",
        title=f"History of {plural(len(study.trials), 'trial')}",
        note=note.format(states=states),
        panels=[
            Panel(partial(draw_history, study=study, index=i, objective=objective), WIDTH, HEIGHT)
            for i, objective in enumerate(study.objectives)
        ],
    )


def draw_history(axes: Axes, study: StudyData, index: int, objective: Objective) -> None:
    """Draw the values of an objective, the best so far, and ticks for trials without a value."""
    style_axes(axes, "trial", escape(objective.metric))
    trials = study.complete
    numbers = [trial.number for trial in trials]
    values = [trial.values[index] for trial in trials]
    best = list(accumulate(values, max if objective.sign > 0 else min))
    axes.plot(numbers, values, "o", color=COLORS[0], markersize=4, alpha=0.7)
    last = max(trial.number for trial in study.trials)
    line: dict[str, Any] = {"color": COLORS[3], "linewidth": 1.6, "drawstyle": "steps-post"}
    axes.plot([*numbers, last], [*best, best[-1]], **line)
    rows = [[trial.values[index]] for trial in study.ranked(index)]
    bottom, top = limits_of(rows, FAR)
    axes.set_ylim(bottom, top)
    for state, color in (("PRUNED", REFERENCE), ("FAIL", COLORS[3])):
        without = [trial.number for trial in study.trials if trial.state == state]
        if without:
            axes.plot(without, [bottom] * len(without), "|", color=color, markersize=9, clip_on=False)
    note_beyond(axes, sum(not bottom <= value <= top for value in values), f"{len(values)} trials")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    format_axis(axes.yaxis, objective.metric)
    first = values.index(best[-1])
    place = (numbers[first], best[-1])
    style: dict[str, Any] = {"textcoords": "offset points", "xytext": (4, -10), "fontsize": 8, "color": FAINT}
    axes.annotate(f"trial {numbers[first]}", place, **style).set_in_layout(False)
