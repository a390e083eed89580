"""The pictures of a comparison: learning curves over each other, and what one network mistakes more often than another.

C classes.
"""

import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnexp.plots.sweep import COLORS
from nnexp.runs.compare.compared_run import ComparedRun
from nnexp.runs.compare.comparison import Mistakes

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 120
PANELS = {
    "train/loss": "training loss",
    "val/loss": "validation loss",
    "val/accuracy": "validation accuracy",
    "val/r2": "validation R2",
    "lr": "learning rate",
}
MOST_NAMED = 30  # classes beyond which a matrix shows colours only
MOST_MARKED = 40  # points beyond which a curve has no marks
WIDE_SPAN = 1000.0  # of a loss or a learning rate, beyond which its axis is logarithmic
LEAST_SCALE = 0.01  # share of a class at which colours end at the earliest: one example more is no alarm
LOWEST_R2 = -1.0
LONGEST = 90  # characters of a name
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def metrics(sides: Iterable[ComparedRun]) -> list[str]:
    """The metrics that are worth a panel: those that any run has."""
    there = {name for side in sides for _, values in side.epochs for name in values}
    return [name for name in PANELS if name in there]


def curves(sides: Sequence[ComparedRun]) -> "Figure":
    """All learning curves, a panel for each metric, a colour for each run."""
    from matplotlib.figure import Figure

    names = metrics(sides)
    rows = max(1, (len(names) + 1) // 2)
    figure = Figure(figsize=(11, 0.6 + 3.2 * rows + 0.22 * len(sides)), dpi=DPI, layout="constrained")
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for axes, name in zip(panels, names, strict=False):
        panel(axes, sides, name)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if names:
        handles, labels = drawn(panels[: len(names)])
        figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9)
    else:
        panels[0].set_title("no run has learning curves", fontsize=11)
    return figure


def drawn(panels: Iterable["Axes"]) -> tuple[list["Artist"], list[str]]:
    """Lines and labels of a legend: each run once, though it be in some panels only."""
    found = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    return [found[label] for label in sorted(found)], sorted(found)


def curve(sides: Sequence[ComparedRun], metric: str) -> "Figure":
    """One metric's curves, for a page that has its own legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3.1), dpi=DPI, layout="constrained")
    panel(figure.add_subplot(), sides, metric)
    return figure


def panel(axes: "Axes", sides: Sequence[ComparedRun], metric: str) -> None:
    """Draw one metric; the baseline lies broad and light under the others, so that equal curves are seen to be two."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    units = {side.unit for side in sides if side.epochs}
    seen: list[float] = []
    tops: list[float] = []
    for i, (side, color) in enumerate(zip(sides, COLORS, strict=False)):
        points = [
            (step, values[metric])
            for step, values in side.epochs
            if metric in values and np.isfinite(values[metric])
        ]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        if len(units) > 1:
            x = tuple(step / side.epochs[-1][0] for step in x)
        seen += y
        tops.append(max(y))
        mark = "o" if len(points) <= MOST_MARKED else None
        name = side.run.name if len(side.run.name) <= LONGEST else f"{side.run.name[: LONGEST - 1]}…"
        line, alpha, dot = (3.4, 0.55, 5.5) if i == 0 else (1.5, 1.0, 3.2)
        label = f"{side.letter}  {name}".replace("$", r"\$")
        axes.plot(x, y, color=color, marker=mark, markersize=dot, linewidth=line, alpha=alpha, label=label)
    axes.set_title(PANELS[metric], fontsize=10.5)
    positive = [value for value in seen if value > 0]
    if metric in ("val/accuracy", "val/r2"):
        if metric == "val/accuracy":
            axes.yaxis.set_major_formatter(PercentFormatter(1))
        elif seen:
            axes.set_ylim(min(max(LOWEST_R2, min(seen)), *tops) - 0.05, 1.0)
    elif metric == "lr" and tops and max(tops) > 20 * min(tops) > 0:
        axes.set_yscale("log")
        axes.set_ylim(bottom=min(tops) / 100)
    elif (
        metric != "lr"
        and positive
        and max(positive) > WIDE_SPAN * min(positive)
        and len(positive) == len(seen)
    ):
        axes.set_yscale("log")
    elif seen and min(seen) >= 0:
        axes.set_ylim(bottom=0)
    axes.set_xlabel("share of the training" if len(units) > 1 else next(iter(units), "epoch"), fontsize=9)
    if len(units) > 1:
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=8.5)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def confusion_differences(found: Sequence[Mistakes]) -> "Figure":
    """The differences of several runs beside each other."""
    from matplotlib.figure import Figure

    width, height = size(found[0])
    figure = Figure(figsize=(width * len(found), height), dpi=DPI, layout="constrained")
    for axes, mistakes in zip(figure.subplots(1, len(found), squeeze=False)[0], found, strict=True):
        matrix(axes, mistakes)
    return figure


def matrix_of(mistakes: Mistakes) -> "Figure":
    """One run's difference."""
    return confusion_differences([mistakes])


def size(mistakes: Mistakes) -> tuple[float, float]:
    """Of a matrix, in inches."""
    side = min(13.0, 2.0 + 0.48 * len(mistakes.classes)) if len(mistakes.classes) <= MOST_NAMED else 7.0
    return max(side + 1.1, 5.0), max(side, 3.6)


def matrix(axes: "Axes", mistakes: Mistakes) -> None:
    """Red is worse and blue is better than the baseline, off the diagonal (mistakes) and on it (right answers) alike.

    Colour is the share of the true class, numbers are counts of examples.
    """
    n = len(mistakes.classes)
    scale = max(float(np.abs(mistakes.worse).max(initial=0)), LEAST_SCALE)
    image = axes.imshow(mistakes.worse, cmap="RdBu_r", vmin=-scale, vmax=scale, interpolation="nearest")
    total = int(mistakes.counts.trace())
    change = f"{abs(total):,} {'more' if total > 0 else 'fewer'} right" if total else "as many right"
    axes.set_title(
        f"{mistakes.other} against {mistakes.base}, {mistakes.part}: {change}", fontsize=10.5, pad=10
    )
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    if n <= MOST_NAMED:
        names = [
            name.replace("$", r"\$") if len(name) <= 24 else f"{name[:23]}…" for name in mistakes.classes
        ]
        long_names = max(map(len, names)) > 3
        axes.set_xticks(
            range(n), names, rotation=45 if long_names else 0, ha="right" if long_names else "center"
        )
        axes.set_yticks(range(n), names)
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="#e4e4e4", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
        for (row, column), count in np.ndenumerate(mistakes.counts):
            if count:
                color = "white" if abs(mistakes.worse[row, column]) > 0.55 * scale else "#222222"
                weight = "bold" if row == column else "normal"
                told = f"{count:+,}".replace("-", "−")
                axes.text(
                    column,
                    row,
                    told,
                    ha="center",
                    va="center",
                    color=color,
                    weight=weight,
                    fontsize=8.5 if len(told) < 5 else 7,
                )
        axes.plot(*diagonal(n), color="#777777", linewidth=0.9, solid_joinstyle="miter")
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8, format=lambda share, _: f"{100 * abs(share):.3g}%")
    bar.set_label("share of the true class")
    bar.ax.set_title("worse", fontsize=9)
    bar.ax.set_xlabel("better", fontsize=9, labelpad=6)
    bar.outline.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def diagonal(n: int) -> tuple[list[float], list[float]]:
    """A line around the cells of the diagonal: x and y, broken where it jumps."""
    x, y = [], []
    for i in range(n):
        x += [i - 0.5, i + 0.5, i + 0.5, i - 0.5, i - 0.5, float("nan")]
        y += [i - 0.5, i - 0.5, i + 0.5, i + 0.5, i - 0.5, float("nan")]
    return x, y


def svg(figure: "Figure") -> str:
    """The picture as SVG: text stays text in the reader's own font, and the same picture is the same characters."""
    import matplotlib as mpl

    written = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "nnexp"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    return re.sub(r"'DejaVu Sans'[^;\"]*", FONTS, written.getvalue())
