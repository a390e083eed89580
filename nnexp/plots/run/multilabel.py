"""How each label was found, where several may be true of an example."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnexp.plots.style import BEST, DPI, TRAIN, VALIDATION, fitted, length, literal, panel, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 30
POINTS = 9  # of type
LONGEST_NAME = 260  # pixels


def labels(report: dict[str, Any], part: str) -> "Figure":
    """Precision, recall and F1 of each label.

    Args:
        report: "per_label", "accuracy", "exact_match".
        part: of the data, for the title.
    """
    from matplotlib.figure import Figure

    shown = report["per_label"][:MOST]
    size = round(POINTS * DPI / 72)
    names = [f"{fitted(label['label'], size, LONGEST_NAME)}  ({label['support']:,})" for label in shown]
    left = max(length(name, size) for name in names) / DPI + 0.15
    width, height = left + 6.0, 1.25 + 0.42 * len(shown)
    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = panel(figure, left, 0.75, 5.8, height - 1.15)
    places = np.arange(len(shown))
    for i, (name, color) in enumerate((("precision", TRAIN), ("recall", VALIDATION), ("f1", BEST))):
        axes.barh(places + 0.25 * (i - 1), [label[name] for label in shown], 0.22, color=color, label=name)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(places, [literal(name) for name in names], fontsize=POINTS)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    title(
        axes,
        f"{part}: {report['accuracy']:.2%} of labels right, {report['exact_match']:.2%} of examples wholly",
    )
    figure.legend(
        frameon=False,
        fontsize=9,
        ncols=3,
        loc="lower center",
        bbox_to_anchor=((left + 2.9) / width, 0.04 / height),
    )
    return figure
