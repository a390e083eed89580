"""How weights and gradients are spread in each layer, and how that changes while the network learns.

R records, B bins.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import DPI, literal, panel, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["weights", "gradients"]
Item = TypeVar("Item")
MOST_LAYERS, MOST_RIDGES = 6, 12
ACROSS = 3  # panels in a row
WIDTH, HEIGHT = 4.0, 3.5  # inches of a panel
LEFT, RIGHT, BOTTOM, TOP, HEAD = 0.65, 0.15, 0.4, 0.28, 0.34
OVERLAP = 2.2  # the height of a ridge, in distances between two
CUT = {"weights": 0.001, "gradients": 0.01}
"""Of all numbers, what may lie beyond either edge of a panel: there is no end of small gradients."""
FLAT = 0.004  # of the peak: what is lower is not drawn
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TITLES = {"weights": "weights over time", "gradients": "sizes of gradients over time (those that are not 0)"}
Counts = NDArray[np.integer]
Edges = NDArray[np.floating]


def histograms(layers: Mapping[str, NDArray[Any]], kind: Kind, unit: str = "epoch") -> "Figure":
    """A panel for each layer, a ridge for each of some records: the first at the top, the last in front.

    Each ridge is drawn to its own height. Of a deep network some layers are shown, of a long training some records.

    Args:
        layers: "steps" (R,), and "NAME/weights/counts" (R, B), "NAME/weights/edges" (R, B + 1) for each layer; likewise gradients,
            whose histograms are of log10 |gradient|.
        kind: which.
        unit: what is counted.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = evenly(names_of(layers, kind), MOST_LAYERS)
    steps = layers["steps"]
    records = np.array(evenly(range(len(steps)), MOST_RIDGES))
    down = ceil(len(names) / ACROSS)
    across = ceil(len(names) / down)
    width, height = across * WIDTH, down * HEIGHT + HEAD
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.text(0.15 / width, 1 - 0.12 / height, TITLES[kind], va="top", fontsize=12)
    for i, name in enumerate(names):
        row, column = divmod(i, across)
        x, y = column * WIDTH + LEFT, (down - 1 - row) * HEIGHT + BOTTOM
        axes = panel(
            figure, x, y, WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP, up="" if column else unit, room=0.42
        )
        counts, edges = merged(
            layers[f"{name}/{kind}/counts"][records], layers[f"{name}/{kind}/edges"][records]
        )
        ridges(axes, counts, edges, steps[records])
        axes.set_xlim(*span(counts, edges, CUT[kind]))
        title(axes, literal(name), 10)
        if kind == "gradients":
            low, high = axes.get_xlim()
            whole = np.arange(ceil(low), int(np.floor(high)) + 1)
            whole = whole[:: max(1, ceil(len(whole) / 6))]
            axes.set_xticks(whole, [f"10{str(power).translate(SUPERSCRIPT)}" for power in whole])
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6))
    return figure


def ridges(axes: "Axes", counts: Counts, edges: Edges, steps: NDArray[np.integer]) -> None:
    """Draw histograms (R, B) with edges (R, B + 1), one below the other."""
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection

    last = len(steps) - 1
    middles = (edges[:, 1:] + edges[:, :-1]) / 2
    heights = counts / np.maximum(counts.max(axis=1, keepdims=True), 1) * OVERLAP
    outlines = []
    for i, (x, height, edge) in enumerate(zip(middles, heights, edges, strict=True)):
        base = float(last - i)
        drawn = np.flatnonzero(height > FLAT * OVERLAP)
        first, end = (drawn[0], drawn[-1] + 1) if len(drawn) else (0, 1)
        top = np.column_stack((x, base + height))[first:end]
        outlines.append(np.vstack(((edge[first], base), top, (edge[end], base))))
    colours = colormaps["viridis"](np.linspace(0.82, 0.2, last + 1))
    axes.hlines(
        range(last + 1), 0, 1, transform=axes.get_yaxis_transform(), color="#dddddd", linewidth=0.7, zorder=0
    )
    axes.add_collection(
        PolyCollection(outlines, facecolors=colours, edgecolors="white", linewidths=0.8), autolim=False
    )
    axes.set_ylim(-0.25, last + OVERLAP + 0.15)
    axes.set_yticks(range(last, -1, -1), [f"{step:,}" for step in steps], fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def merged(counts: Counts, edges: Edges) -> tuple[Counts, Edges]:
    """The same histograms with fewer bins where there are few numbers: no fewer than Rice's rule says, twice the cube root of N."""
    wanted = 2 * np.cbrt(max(1, counts.sum(axis=1).max()))
    while counts.shape[1] % 2 == 0 and counts.shape[1] / 2 >= wanted:
        counts, edges = counts[:, ::2] + counts[:, 1::2], edges[:, ::2]
    return counts, edges


def span(counts: Counts, edges: Edges, cut: float) -> tuple[float, float]:
    """From where to where numbers lie in any record, but for a share of `cut` at both ends."""
    lows, highs = [], []
    for count, edge in zip(counts, edges, strict=True):
        if total := count.sum():
            inside = np.flatnonzero(
                (count.cumsum() > cut * total) & (count[::-1].cumsum()[::-1] > cut * total)
            )
            lows.append(edge[inside[0]])
            highs.append(edge[inside[-1] + 1])
    if not lows:
        return 0.0, 1.0
    low, high = float(min(lows)), float(max(highs))
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin


def names_of(layers: Mapping[str, NDArray[Any]], kind: Kind) -> list[str]:
    """The layers whose histograms there are, in their order."""
    end = f"/{kind}/counts"
    return [key.removesuffix(end) for key in layers if key.endswith(end)]


def evenly(items: Iterable[Item], most: int) -> list[Item]:
    """At most so many of them, with the first and the last, evenly spread."""
    every = list(items)
    if len(every) <= most:
        return every
    return [every[i] for i in np.linspace(0, len(every) - 1, most).round().astype(int)]
