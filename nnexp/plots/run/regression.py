"""How near predicted numbers come to true ones. N examples, T targets."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import BEST, DPI, TRAIN, literal, panel, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.floating]
MOST_TARGETS = 4  # that are drawn
MOST_POINTS = 5000  # beyond which their density is drawn
LONGEST_NAME = 40
LEFT, SIDE, RIGHT, BOTTOM, TOP = 0.8, 3.5, 0.25, 0.55, 0.4  # inches


def predictions(y: Numbers, predicted: Numbers, report: dict[str, Any], part: str) -> "Figure":
    """Predicted against true values, a panel per target; on the diagonal they agree.

    Args:
        y: true, (N, T).
        predicted: (N, T).
        report: R2 and errors of each target.
        part: of the data, for the title.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    shown = report["per_target"][:MOST_TARGETS]
    each = LEFT + SIDE + RIGHT
    figure = Figure(figsize=(each * len(shown), BOTTOM + SIDE + TOP), dpi=DPI)
    for i, (target, true, found) in enumerate(zip(shown, y.T, predicted.T, strict=False)):
        name = literal(target["target"][:LONGEST_NAME])
        axes = panel(figure, i * each + LEFT, BOTTOM, SIDE, SIDE, f"true {name}", f"predicted {name}", 0.6)
        low, high = float(min(true.min(), found.min())), float(max(true.max(), found.max()))
        edge = 0.03 * (high - low) or 1.0
        span = low - edge, high + edge
        if len(true) > MOST_POINTS:
            axes.hexbin(
                true,
                found,
                gridsize=70,
                cmap="Blues",
                bins="log",
                mincnt=1,
                linewidths=0,
                extent=(*span, *span),
            )
        else:
            axes.scatter(true, found, s=14, color=TRAIN, alpha=0.55, linewidths=0)
        axes.plot(span, span, color=BEST, linewidth=0.9, linestyle="--", zorder=0)
        axes.set(xlim=span, ylim=span)
        title(axes, f"{part} R2 {target['r2']:.3f}, mean error {target['mae']:.3g}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
    return figure
