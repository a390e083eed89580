"""The plots of a comparison: learning curves of several runs over each other, as figures and as SVG."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL.Image import Image

from nnexp.metrics.metric_info import metric_info
from nnexp.plots.style import COLORS, FONTS, as_figure, new_figure, plot_curve, style_axes
from nnexp.plots.sweep.axis_limits import limit
from nnexp.plots.text import escape
from nnexp.run_folder import History

TITLES = {
    "train/loss": "training loss",
    "val/loss": "validation loss",
    "val/accuracy": "validation accuracy",
    "val/r2": "validation R2",
    "lr": "learning rate",
}
WIDE_RANGE = 1000.0  # of a loss: beyond, a run has diverged, or the axis is logarithmic
MIN_R2 = -1.0
MAX_NAME = 90  # characters


@dataclass(frozen=True)
class RunCurves:
    """The learning curves of a run: its label, the unit of its steps, the metrics at each."""

    label: str
    unit: str
    history: History

    def points(self, metric: str) -> list[tuple[int, float]]:
        """Return the steps and finite values of a metric."""
        values = ((step, metrics[metric]) for step, metrics in self.history if metric in metrics)
        return [(step, value) for step, value in values if np.isfinite(value)]


def metric_names(runs: Sequence[RunCurves]) -> list[str]:
    """Return the metrics that have a plot and that any run has."""
    names = {name for run in runs for _, values in run.history for name in values}
    return [name for name in TITLES if name in names]


def all_curves(runs: Sequence[RunCurves]) -> Figure:
    """Draw all metrics, a panel for each, a colour for each run."""
    names = metric_names(runs)
    rows = max(1, (len(names) + 1) // 2)
    figure = new_figure(11, 0.6 + 3.2 * rows + 0.22 * len(runs), "constrained")
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, name in zip(panels, names, strict=False):
        draw_curves(axes, runs, name)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if not names:
        panels[0].set_title("no run has learning curves", fontsize=11)
    legends = [axes.get_legend_handles_labels() for axes in panels]
    lines = {label: line for legend in legends for line, label in zip(*legend, strict=True)}
    labels = sorted(lines)
    handles = [lines[label] for label in labels]
    figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9)
    return figure


def metric_curves(runs: Sequence[RunCurves], metric: str) -> Figure:
    """Draw the curves of one metric, without a legend."""
    figure = new_figure(5, 3.1, "constrained")
    draw_curves(figure.add_subplot(), runs, metric)
    return figure


def draw_curves(axes: Axes, runs: Sequence[RunCurves], metric: str) -> None:
    """Draw one metric; the baseline is a wide light line below the others: equal curves are both visible."""
    units = {run.unit for run in runs if run.history}
    curves = [run.points(metric) for run in runs]
    for i, (run, points, color) in enumerate(zip(runs, curves, COLORS, strict=False)):
        if points:
            steps, values = np.array(points).T
            x = steps / run.history[-1][0] if len(units) > 1 else steps
            width, alpha, size = (3.4, 0.55, 5.5) if i == 0 else (1.5, 1.0, 3.2)
            style = {"color": color, "linewidth": width, "alpha": alpha, "markersize": size}
            plot_curve(axes, x, values, label=escape(run.label, MAX_NAME), **style)
    if len(units) > 1:
        style_axes(axes, "fraction of the training", title=TITLES[metric])
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    else:
        style_axes(axes, next(iter(units), "epoch"), title=TITLES[metric])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    set_y_axis(axes, metric, [[value for _, value in points] for points in curves if points])


def set_y_axis(axes: Axes, metric: str, curves: Sequence[Sequence[float]]) -> None:
    """Choose limits and scale of the y axis so that every curve can be read."""
    tops = [max(curve) for curve in curves]
    low = min(map(min, curves), default=0.0)
    if metric_info(metric).style == "percent":
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    elif tops and metric_info(metric).is_score:
        axes.set_ylim(min(max(MIN_R2, low), *tops) - 0.05, 1.0)
    elif tops and metric == "lr" and max(tops) > 20 * min(tops) > 0:
        axes.set_yscale("log")
        axes.set_ylim(bottom=min(tops) / 100)
    elif tops and metric != "lr" and low > 0 and max(tops) > WIDE_RANGE * low:
        limit(axes, metric, "lower", curves, [])
    elif tops and low >= 0:
        axes.set_ylim(bottom=0)


def svg(plot: Figure | Image) -> str:
    """Return a plot as SVG: text in the reader's own font, and the same characters each time."""
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nnexp"}):
        as_figure(plot).savefig(file, format="svg", metadata={"Date": None})
    return re.sub(r"'DejaVu Sans'[^;\"]*", FONTS, file.getvalue())
