"""Activations and gradients over the depth of a network, before the first update and later. L layers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import isfinite, nan, sqrt

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import add_axes, evenly_spaced, new_figure, set_title
from nnexp.plots.text import escape
from nnexp.run_folder import LAYERS, History, history

MAX_UPRIGHT = 6  # names below a panel; more are turned
MIN_LAYERS = 3  # of fewer, there is no depth to see
MAX_EVALUATIONS = 5
ACTIVATION_STD, GRAD_NORM, DEAD_UNITS = "activation_std/", "grad_norm/", "dead_units/"
TITLES = {
    ACTIVATION_STD: "standard deviation of activations",
    GRAD_NORM: "gradients, root mean square",
    DEAD_UNITS: "share of dead units",
}
WIDTH, GAP, LEFT, TOP = 3.6, 0.8, 0.7, 0.32  # inches: of a panel, between panels, around them
HEIGHT, NUMBERS, NAMES = 2.5, 0.45, 0.8  # inches: of a panel; below it, of numbers or of turned names
START = "#d62728"
SIMILAR = 100  # how many times the smallest value the largest one may be


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the diagnostics of the layers over depth."""
    rows = [
        (at, row) for at, row in history(run.entries) if any(key.startswith(ACTIVATION_STD) for key in row)
    ]
    names = layer_names(rows[0][1]) if rows else []
    if len(names) >= MIN_LAYERS:
        arrays = run.folder.arrays(LAYERS)
        sizes = {name: int(arrays[f"{name}/size"]) for name in names if f"{name}/size" in arrays}
        yield "layers.png", partial(layers_over_depth, rows, names, sizes, run.unit)


def layer_names(metrics: Mapping[str, float]) -> list[str]:
    """Return the layers that were measured, in the order of the forward pass."""
    return [key.removeprefix(ACTIVATION_STD) for key in metrics if key.startswith(ACTIVATION_STD)]


def layers_over_depth(
    rows: History, names: Sequence[str], sizes: Mapping[str, int], unit: str = "epoch"
) -> Figure:
    """Draw what each layer gives on: the deviation of its activations and its gradient, and its dead units.

    A line is one evaluation, evenly spaced ones of many; step 0 is before the first update.

    Args:
        rows: the diagnostics of each evaluation.
        names: of the layers, from the first to the last.
        sizes: how many weights and biases each has; a gradient is drawn as the root of its mean square.
        unit: of the evaluations.
    """
    shown = [rows[i] for i in evenly_spaced(len(rows), MAX_EVALUATIONS + 1)]
    panels = {}
    for metric in TITLES:
        lines = [(at, values_of(row, metric, names)) for at, row in shown]
        if metric == GRAD_NORM:
            roots = [sqrt(sizes.get(name, nan)) for name in names]
            lines = [
                (at, [norm / root for norm, root in zip(norms, roots, strict=True)]) for at, norms in lines
            ]
        if any(value > 0 for _, values in lines for value in values):
            panels[metric] = lines
    kinds = {re.sub(r"\d+$", "", name) for name in names}
    bottom = NUMBERS if len(kinds) == 1 or len(names) <= MAX_UPRIGHT else NAMES
    figure = new_figure(LEFT + max(1, len(panels)) * (WIDTH + GAP) - 0.2, bottom + HEIGHT + TOP)
    for i, (metric, lines) in enumerate(panels.items()):
        axes = add_axes(figure, (LEFT + i * (WIDTH + GAP), bottom, WIDTH, HEIGHT))
        draw_lines(axes, lines, unit)
        set_title(axes, TITLES[metric])
        label_layers(axes, names, kinds)
        if metric == DEAD_UNITS:
            axes.set_ylim(-0.02, 1.02)
            continue
        scale_by_logarithm(axes, [value for _, values in lines for value in values if value > 0])
    if panels:
        figure.axes[0].legend(fontsize=8, edgecolor="none", borderpad=0.2)
    return figure


def values_of(metrics: Mapping[str, float], metric: str, names: Sequence[str]) -> list[float]:
    """Return a metric of each layer; NaN where it is not finite or was not measured."""
    values = [metrics.get(f"{metric}{name}", nan) for name in names]
    return [value if isfinite(value) else nan for value in values]


def draw_lines(axes: Axes, lines: Sequence[tuple[int, Sequence[float]]], unit: str) -> None:
    """Draw a line for each evaluation: red before the first update, then from light to dark."""
    later = sum(at > 0 for at, _ in lines)
    colors = iter(colormaps["viridis"]([0.85 - 0.65 * i / max(later - 1, 1) for i in range(later)]))
    for at, values in lines:
        style = {"color": next(colors), "linewidth": 1.2} if at else {"color": START, "linewidth": 1.8}
        label = f"{unit} {at:,}" if at else "initialization"
        axes.plot(range(len(values)), values, marker="o", markersize=3, label=label, **style)


def scale_by_logarithm(axes: Axes, values: Sequence[float]) -> None:
    """Scale the y axis by the logarithm, with plain numbers where positive values are of similar size."""
    axes.set_yscale("log", nonpositive="mask")
    if max(values) < SIMILAR * min(values):
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())


def label_layers(axes: Axes, names: Sequence[str], kinds: set[str]) -> None:
    """Label the layers: by their numbers where all are of one kind, else by their names."""
    positions = range(len(names))
    axes.set_xlim(-0.4, len(names) - 0.6)
    if len(kinds) == 1:
        (kind,) = kinds
        axes.set_xticks(positions, [name.removeprefix(kind) for name in names])
        axes.set_xlabel(f"{escape(kind)} layers, from input to output")
    else:
        rotation = 90 if len(names) > MAX_UPRIGHT else 0
        axes.set_xticks(positions, [escape(name) for name in names], rotation=rotation)
