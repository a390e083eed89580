"""A picture of a learning-rate range test: the loss over the learning rate, and which one to take. S steps."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.floating]
CURVE, CHOSEN = "#4c78a8", "#e45756"
HEADROOM = 1.25  # the top of the picture, times the highest smoothed loss before the lowest: divergence leaves it there
LEFT = 0.2  # of the picture, where a number finds no room left of its line
DPI = 130


def lr_curve(
    lr: Numbers,
    loss: Numbers,
    smoothed: Numbers,
    title: str,
    suggestion: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> "Figure":
    """The loss of each batch, faint, and smoothed, bold; the learning rate to take is marked and named.

    Args:
        lr: (S,), growing.
        loss: (S,).
        smoothed: (S,).
        title: above.
        suggestion: the learning rate to mark; None where there is none.
        bounds: between which the loss falls, to be shaded.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.6), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    if bounds is not None:
        axes.axvspan(*bounds, color=CHOSEN, alpha=0.09, linewidth=0, label="where the loss falls")
    axes.plot(lr, loss, color=CURVE, alpha=0.3, linewidth=0.9, label="loss of a batch")
    axes.plot(lr, smoothed, color=CURVE, linewidth=2.2, label="smoothed")
    highest = float(smoothed[: int(np.argmin(smoothed)) + 1].max())
    axes.set(xscale="log", xlim=(lr[0], lr[-1]), ylim=(0, HEADROOM * highest or 1.0))
    if suggestion is not None:
        along, height = (
            np.log(suggestion / lr[0]) / np.log(lr[-1] / lr[0]),
            np.interp(np.log(suggestion), np.log(lr), smoothed),
        )
        side = 1 if along < LEFT else -1
        axes.axvline(suggestion, color=CHOSEN, linewidth=0.9, linestyle="--", zorder=1)
        axes.plot(suggestion, height, "o", color=CHOSEN, markersize=7, zorder=5)
        axes.annotate(
            f"{suggestion:g}",
            (suggestion, 1),
            xycoords=("data", "axes fraction"),
            xytext=(7 * side, -4),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="top",
            color=CHOSEN,
            fontsize=13,
            weight="bold",
        )
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("training loss")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
