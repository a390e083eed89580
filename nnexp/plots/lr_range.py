"""The plot of a learning-rate range test: loss over learning rate, and the suggested learning rate."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnexp.plots.style import COLORS, new_figure, style_axes
from nnexp.plots.text import escape

Numbers = NDArray[np.floating]
MAX_TITLE = 90  # characters
HEADROOM = 1.25  # the end of the y axis, in highest smoothed losses before the lowest: divergence is cut off


def lr_curve(
    lr: Numbers,
    loss: Numbers,
    smoothed: Numbers,
    title: str,
    suggestion: float | None = None,
    bounds: tuple[float, float] | None = None,
) -> Figure:
    """Draw the loss of each batch and the smoothed loss over the increasing learning rate, all (S,).

    `suggestion` is marked; `bounds`, between which the loss falls, are shaded.
    """
    figure = new_figure(8, 4.6, "constrained")
    axes = figure.add_subplot()
    style_axes(axes, "learning rate", "training loss", escape(title, MAX_TITLE))
    if bounds is not None:
        axes.axvspan(*bounds, color=COLORS[3], alpha=0.09, linewidth=0, label="falling loss")
    axes.plot(lr, loss, color=COLORS[0], alpha=0.3, linewidth=0.9, label="loss of a batch")
    axes.plot(lr, smoothed, color=COLORS[0], linewidth=2.2, label="smoothed")
    if suggestion is not None:
        height = np.interp(np.log(suggestion), np.log(lr), smoothed)
        axes.axvline(suggestion, color=COLORS[3], linewidth=0.9, linestyle="--", zorder=1)
        label = f"suggestion: {suggestion:g}"
        axes.plot(suggestion, height, "o", color=COLORS[3], markersize=7, zorder=5, label=label)
    highest = float(smoothed[: int(np.argmin(smoothed)) + 1].max())
    axes.set(xscale="log", xlim=(lr[0], lr[-1]), ylim=(0, HEADROOM * highest or 1.0))
    axes.legend(frameon=False, fontsize=9, loc="lower left")
    return figure
