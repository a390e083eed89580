"""Parallel coordinates: each setting as a line through its params and its result."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import TEXT, apply_colormap, font_family, style_axes
from nnexp.plots.sweep.interaction import shades
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.plots.text import escape

MAX_PARAMS = 8
MAX_VALUES = 12  # of a param, at places of their own; more numbers are placed by size
WIDTH, HEIGHT = 10.6, 4.4  # inches
SPREAD = 0.3  # of the distance of two values: lines are spread over it, best at the top
BOLD = 5  # lines
LINE = 0.04  # height of a text, of the axis
MAX_LABEL = 18  # characters
ABSENT = "–"
NOTE = "Each line is a setting: its values of the params, and the mean of {metric}; the darker the better."


def parallel_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out the lines; None: there are fewer than two params, or no results."""
    ranked = [setting for setting in group.settings if setting.estimate]
    order = [effect.key for effect in group.effects]
    keys = sorted(group.keys, key=lambda key: order.index(key) if key in order else len(order))[:MAX_PARAMS]
    if len(ranked) < 3 or len(keys) < 2:
        return None
    draw = partial(draw_parallel, ranked=ranked, keys=keys[::-1], group=group)
    note = NOTE.format(metric=group.metric)
    return SweepPlot("parallel", "Parallel coordinates", note, [Panel(draw, WIDTH, HEIGHT)])


def draw_parallel(
    axes: Axes, ranked: Sequence[SettingSummary], keys: Sequence[str], group: GroupAnalysis
) -> None:
    """Draw the axes of the params, the most important beside the result, and a line for each setting."""
    style_axes(axes)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    means = [setting.estimate.mean for setting in ranked if setting.estimate]
    shade = shades([means], group.direction == "higher")[0]
    orders = {effect.key: [level.value for level in effect.levels] for effect in group.effects}
    columns = [
        _draw_axis(axes, x, [setting.params.get(key, ABSENT) for setting in ranked], orders.get(key, []))
        for x, key in enumerate(keys)
    ]
    columns.append((shade - 0.05) / 0.9)
    last = len(keys)
    axes.plot([last, last], [0, 1], color=TEXT, linewidth=1)
    labelled: list[float] = []
    for place in (0, len(means) - 1, len(means) // 2):
        y = columns[-1][place]
        if all(abs(y - other) > LINE for other in labelled):
            axes.text(last + 0.04, y, format_metric(group.metric, means[place]), fontsize=8, va="center")
            labelled.append(y)
    lines = np.stack(
        [np.broadcast_to(np.arange(last + 1), (len(means), last + 1)), np.array(columns).T], axis=2
    )
    colors = apply_colormap(0.25 + 0.75 * shade, "Blues") / 255
    widths = np.where(np.arange(len(means)) < BOLD, 2.2, 0.9)
    axes.add_collection(
        LineCollection(list(lines[::-1]), colors=colors[::-1], linewidths=widths[::-1].tolist())
    )
    labels = [escape(group.labels.get(key, key), MAX_LABEL) for key in keys] + [escape(group.metric)]
    axes.set_xticks(range(last + 1), labels, fontfamily=font_family())
    axes.set_yticks([])
    axes.set_xlim(-0.3, last + 0.35)
    axes.set_ylim(-0.12, 1.1)


def _draw_axis(axes: Axes, x: int, values: Sequence[str], order: Sequence[str]) -> NDArray[np.float64]:
    """Draw the axis of a param, its values in an order as far as it is known.

    Returns:
        The places of the values of settings, which are ranked, best first.
    """
    axes.plot([x, x], [0, 1], color=TEXT, linewidth=1)
    known = list(order) if {*values} <= {*order} else []
    texts = sorted(set(values), key=known.index if known else _sort_key)
    if len(texts) > MAX_VALUES and all(_sort_key(text)[0] == 0 for text in texts):
        numbers = np.array([float(value) for value in values])
        scaled = np.log10(numbers) if numbers.min() > 0 and numbers.max() > 50 * numbers.min() else numbers
        places = (scaled - scaled.min()) / (np.ptp(scaled) or 1)
        ticks = {text: places[list(values).index(text)] for text in (texts[0], texts[-1])}
    else:
        step = 1 / max(1, len(texts) - 1)
        ticks = {text: (i * step if len(texts) > 1 else 0.5) for i, text in enumerate(texts)}
        places = np.array([ticks[value] for value in values])
        for text in texts:
            same = np.flatnonzero(np.array(values) == text)
            places[same] += SPREAD * step * (0.5 - (np.arange(len(same)) + 0.5) / len(same))
    for text, y in ticks.items():
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
        axes.text(
            x - 0.03, y, escape(text, MAX_LABEL), fontsize=8, va="center", ha="right", bbox=box, zorder=3
        )
    return np.asarray(places)


def _sort_key(text: str) -> tuple[int, float, str]:
    """Sort numbers by size, then words."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text
