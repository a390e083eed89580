"""The axis of a param of a search space: numbers on their scale, choices one after the other."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes

from nnexp.analysis.study_data import StudyParam, StudyTrial
from nnexp.plots.style import font_family
from nnexp.plots.text import escape

MAX_CHOICE = 14  # characters
MAX_CHOICES = 3  # with horizontal labels
SLANT = 30  # degrees


def places(param: StudyParam, trials: Sequence[StudyTrial]) -> list[float]:
    """Return where trials lie on the axis of a param that all of them have."""
    values = [trial.params[param.name] for trial in trials]
    return [param.choices.index(str(value)) if param.choices else float(value) for value in values]


def format_param_axis(axes: Axes, which: Literal["x", "y"], param: StudyParam) -> None:
    """Set scale, ticks and label of an axis to those of a param."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_label_text(escape(param.label), fontsize=9, fontfamily=font_family())
    if param.choices:
        names = [escape(choice, MAX_CHOICE) for choice in param.choices]
        rotation = SLANT if which == "x" and len(names) > MAX_CHOICES else 0
        axis.set_ticks(range(len(names)), names, fontfamily=font_family(), rotation=rotation)
        set_limits = axes.set_xlim if which == "x" else axes.set_ylim
        set_limits(-0.5, len(names) - 0.5)
    elif param.is_log:
        set_scale = axes.set_xscale if which == "x" else axes.set_yscale
        set_scale("log")
