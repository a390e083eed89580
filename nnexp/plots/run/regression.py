"""Predicted against true values of a regression, axes for each target."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import REFERENCE, TRAIN, add_axes, new_figure, set_title
from nnexp.plots.text import escape, numbered

Numbers = NDArray[np.floating]
MAX_TARGETS = 4
MAX_POINTS = 5000  # beyond which their density is drawn
MAX_NAME = 40
LEFT, SIDE, RIGHT, BOTTOM, TOP = 0.8, 3.5, 0.25, 0.55, 0.4  # inches


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the predictions of a regression for each split."""
    for split in run.splits:
        if "per_target" in split.report and (values := split.predictions) is not None:
            draw = partial(predicted_against_true, values.true, values.predicted, split.report, split.name)
            yield f"predictions/{split.key}.png", draw


def predicted_against_true(true: Numbers, predicted: Numbers, report: dict[str, Any], split: str) -> Figure:
    """Draw predicted over true values, both (N, T), with R2, MAE and RMSE of the report."""
    targets = report["per_target"][:MAX_TARGETS]
    width = LEFT + SIDE + RIGHT
    figure = new_figure(width * len(targets), BOTTOM + SIDE + TOP)
    names = numbered([target["target"] for target in targets], "target")
    for i, (target, x, y) in enumerate(zip(targets, true.T, predicted.T, strict=False)):
        name = escape(names[i], MAX_NAME)
        box = (i * width + LEFT, BOTTOM, SIDE, SIDE)
        axes = add_axes(figure, box, f"true {name}", f"predicted {name}", 0.6)
        low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
        margin = 0.03 * (high - low) or 1.0
        limits = low - margin, high + margin
        if len(x) > MAX_POINTS:
            bins: dict[str, Any] = {"gridsize": 70, "bins": "log", "mincnt": 1, "extent": limits * 2}
            axes.hexbin(x, y, cmap="Blues", linewidths=0, **bins)
        else:
            axes.scatter(x, y, s=14, color=TRAIN, alpha=0.55, linewidths=0)
        axes.plot(limits, limits, color=REFERENCE, linewidth=0.9, linestyle="--", zorder=0)
        axes.set(xlim=limits, ylim=limits)
        errors = ", ".join(f"{metric.upper()} {target[metric]:.3g}" for metric in ("mae", "rmse"))
        several = len(report["per_target"]) > len(targets)
        some = f" ({i + 1} of {len(report['per_target'])} targets)" if several else ""
        set_title(axes, f"{split}{some} R2 {target['r2']:.3f}, {errors}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.yaxis.get_offset_text().set_horizontalalignment("right")  # beside the title
    return figure
