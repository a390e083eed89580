"""The interaction of two params: a metric's mean at each pair of their values, as a heat map."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nnexp.analysis.results import GroupAnalysis, Interaction
from nnexp.metrics.metric_info import format_metric
from nnexp.plots.style import FAINT, TEXT, apply_colormap, font_family, style_axes
from nnexp.plots.sweep.main_effects import set_value_labels
from nnexp.plots.sweep.panel import Panel, SweepPlot, sentences, value_label
from nnexp.plots.text import escape

WIDTH, MARGINS = 7.0, 1.1  # inches
ROW_HEIGHT = 0.42
MAX_COLUMNS = 12  # beyond which cells have no text
DARK = 0.6  # of a colour; text on it is white
NOTE = "Mean of {metric} for each pair of values, averaged over the other params: the darker the better{p}."


def interaction_plot(group: GroupAnalysis) -> SweepPlot | None:
    """Lay out the heat map of the two most important params; None: there are no two."""
    interaction = group.interaction
    if interaction is None:
        return None
    p = interaction.p
    text = "" if p is None else f"; interaction: p = {p:.2g} (F-test)"
    draw = partial(draw_interaction, interaction=interaction, group=group)
    height = min(MARGINS + ROW_HEIGHT * len(interaction.rows), 8.0)
    return SweepPlot(
        name="interaction",
        title=f"Interaction of {interaction.labels[0]} and {interaction.labels[1]}",
        note=sentences(NOTE.format(metric=group.metric, p=text), interaction.note),
        panels=[Panel(draw, WIDTH, height)],
    )


def draw_interaction(axes: Axes, interaction: Interaction, group: GroupAnalysis) -> None:
    """Draw a cell for each pair of values; one without runs is crossed out."""
    rows, columns = interaction.labels
    style_axes(axes, escape(columns), escape(rows))
    axes.grid(visible=False)
    shade = shades(interaction.means, group.direction == "higher")
    axes.imshow(apply_colormap(np.nan_to_num(shade), "Blues"), aspect="auto")
    for (y, x), value in np.ndenumerate(np.array(interaction.means, dtype=object)):
        if value is None:
            box = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="///", edgecolor=FAINT, linewidth=0)
            axes.add_patch(box)
        elif len(interaction.columns) <= MAX_COLUMNS:
            color = "white" if shade[y, x] > DARK else TEXT
            axes.text(
                x, y, format_metric(group.metric, value), ha="center", va="center", fontsize=8, color=color
            )
    set_value_labels(axes, interaction.columns)
    names = [value_label(value) for value in interaction.rows]
    axes.set_yticks(range(len(names)), names, fontfamily=font_family())


def shades(means: Sequence[Sequence[float | None]], higher: bool) -> NDArray[np.float64]:
    """Scale means to 0.05 (worst) ... 0.95 (best); those far below the others do not use up the scale."""
    values = np.array([[np.nan if value is None else value for value in row] for row in means], float)
    signed = values if higher else -values
    known = np.sort(signed[np.isfinite(signed)])
    if len(known) == 0:
        return np.full(values.shape, np.nan)
    middle, best = known[len(known) // 2], known[-1]
    worst = max(known[0], best - 3 * (best - middle)) if best > middle else known[0]
    return np.asarray(np.clip(0.05 + 0.9 * (signed - worst) / ((best - worst) or 1), 0.05, 0.95))
