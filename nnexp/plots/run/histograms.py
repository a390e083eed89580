"""Histograms of weights and gradients of each layer over the course of training. R records, B bins."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import add_axes, evenly_spaced, new_figure, set_title
from nnexp.plots.text import escape
from nnexp.run_folder import LAYERS, Arrays

Kind = Literal["weights", "gradients"]
Counts = NDArray[np.integer]
Edges = NDArray[np.floating]
MAX_LAYERS, MAX_RIDGES = 6, 12
COLUMNS = 3
WIDTH, HEIGHT = 4.0, 3.5  # inches of a panel
LEFT, RIGHT, BOTTOM, TOP, TITLE_HEIGHT = 0.65, 0.15, 0.4, 0.28, 0.34
OVERLAP = 2.2  # the height of a ridge, in distances between two
TITLES: dict[Kind, str] = {"weights": "weights", "gradients": "absolute gradients (without zeros)"}
OUTSIDE = {"weights": 0.001, "gradients": 0.01}
"""The share of the values that may lie beyond either edge of a panel: small gradients have a long tail."""
MIN_HEIGHT = 0.004  # of the peak: lower bins are not drawn
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the histograms of weights and of gradients."""
    layers = run.folder.arrays(LAYERS)
    for kind in TITLES:
        if len(layers.get("steps", ())) and layer_names(layers, kind):
            yield f"histograms/{kind}.png", partial(histograms, layers, kind, run.unit)


def layer_names(layers: Arrays, kind: Kind) -> list[str]:
    """Return the layers that have histograms, in their order."""
    end = f"/{kind}/counts"
    return [key.removesuffix(end) for key in layers if key.endswith(end)]


def histograms(layers: Arrays, kind: Kind, unit: str = "epoch") -> Figure:
    """Draw a panel for each layer with a ridge for each record: the first at the top, the last in front.

    Each ridge is scaled by its peak. Of many layers and records some are drawn, evenly spaced.
    `layers` holds "steps" (R,) and for each layer "NAME/KIND/counts" (R, B) and "NAME/KIND/edges" (R, B + 1);
    those of gradients are of log10 |gradient|.
    """
    names = layer_names(layers, kind)
    names = [names[i] for i in evenly_spaced(len(names), MAX_LAYERS)]
    records = evenly_spaced(len(layers["steps"]), MAX_RIDGES)
    rows = ceil(len(names) / COLUMNS)
    columns = ceil(len(names) / rows)
    width = columns * WIDTH
    height = rows * HEIGHT + TITLE_HEIGHT
    figure = new_figure(width, height)
    figure.text(0.15 / width, 1 - 0.12 / height, TITLES[kind], va="top", fontsize=12)
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        x = column * WIDTH + LEFT
        y = (rows - 1 - row) * HEIGHT + BOTTOM
        box = x, y, WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP
        axes = add_axes(figure, box, ylabel="" if column else unit, ylabel_gap=0.42)
        counts, edges = (layers[f"{name}/{kind}/{array}"][records] for array in ("counts", "edges"))
        counts, edges = merge_bins(counts, edges)
        draw_ridges(axes, counts, edges, layers["steps"][records])
        axes.set_xlim(value_range(counts, edges, OUTSIDE[kind]))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=kind == "gradients"))
        if kind == "gradients":
            axes.xaxis.set_major_formatter(lambda power, _: f"10{f'{power:.0f}'.translate(SUPERSCRIPT)}")
        set_title(axes, escape(name), 10)
    return figure


def draw_ridges(axes: Axes, counts: Counts, edges: Edges, steps: NDArray[np.integer]) -> None:
    """Draw histograms (R, B) with edges (R, B + 1), one below the other."""
    last = len(steps) - 1
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    heights = counts / np.maximum(counts.max(axis=1, keepdims=True), 1) * OVERLAP
    outlines = []
    for i, (x, height, edge) in enumerate(zip(middles, heights, edges, strict=True)):
        base = float(last - i)
        axes.axhline(base, color="#dddddd", linewidth=0.7, zorder=0)
        visible = np.flatnonzero(height > MIN_HEIGHT * OVERLAP)
        first, end = (visible[0], visible[-1] + 1) if len(visible) else (0, 1)
        top = np.column_stack((x, base + height))[first:end]
        outlines.append(np.vstack(((edge[first], base), top, (edge[end], base))))
    colors = colormaps["viridis"](np.linspace(0.82, 0.2, last + 1))
    ridges = PolyCollection(outlines, facecolors=colors, edgecolors="white", linewidths=0.8)
    axes.add_collection(ridges, autolim=False)
    axes.set_ylim(-0.25, last + OVERLAP + 0.15)
    axes.set_yticks(range(last, -1, -1), [f"{step:,}" for step in steps])
    axes.tick_params(labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def merge_bins(counts: Counts, edges: Edges) -> tuple[Counts, Edges]:
    """Merge bins where there are few values: no fewer than Rice's rule says, twice the cube root of N."""
    wanted = 2 * np.cbrt(max(1, counts.sum(axis=1).max()))
    while counts.shape[1] % 2 == 0 and counts.shape[1] / 2 >= wanted:
        counts = counts[:, ::2] + counts[:, 1::2]
        edges = edges[:, ::2]
    return counts, edges


def value_range(counts: Counts, edges: Edges, outside: float) -> tuple[float, float]:
    """Return where the values of all records lie, but for a share of `outside` at both ends."""
    limits = []
    for count, edge in zip(counts, edges, strict=True):
        from_left = count.cumsum()
        from_right = count[::-1].cumsum()[::-1]
        inside = np.flatnonzero(np.minimum(from_left, from_right) > outside * count.sum())
        if len(inside):
            limits += [float(edge[inside[0]]), float(edge[inside[-1] + 1])]
    if not limits:
        return 0.0, 1.0
    margin = 0.04 * (max(limits) - min(limits)) or 0.5
    return min(limits) - margin, max(limits) + margin
