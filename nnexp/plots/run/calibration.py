"""Reliability diagram: accuracy over confidence in bins, and the distribution of the confidence.

N examples. Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from nnexp.metrics.calibration import BINS, ReliabilityBins
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import REFERENCE, TRAIN, add_axes, new_figure

OVERCONFIDENCE, UNDERCONFIDENCE = "#f0b4ae", "#a3cbe8"
TICKS = (0.0001, 0.001, 0.01, 0.1, 1.0)


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the reliability diagram of each split that has confidences."""
    for split in run.splits:
        if split.predictions is not None and split.predictions.confidence is not None:
            draw = partial(reliability_diagram, *split.predictions.decisions(), split.name)
            yield f"calibration/{split.key}.png", draw


def reliability_diagram(confidence: NDArray[np.floating], correct: NDArray[np.bool_], split: str) -> Figure:
    """Draw the reliability diagram of N predictions, and the share of the examples in each bin below."""
    bins = ReliabilityBins.of(confidence, correct)
    edges = np.linspace(0, 1, BINS + 1)
    figure = new_figure(5.2, 6.3)
    above = add_axes(figure, (0.72, 2.1, 4.3, 3.65), ylabel="accuracy", ylabel_gap=0.55)
    below = add_axes(figure, (0.72, 0.5, 4.3, 1.2), "confidence", "examples", 0.55)
    accuracy = bins.accuracy
    high, low = np.maximum(bins.confidence, accuracy), np.minimum(bins.confidence, accuracy)
    above.stairs(accuracy, edges, fill=True, color=TRAIN, label="accuracy")
    above.stairs(high, edges, baseline=accuracy, fill=True, color=OVERCONFIDENCE, label="overconfidence")
    above.stairs(accuracy, edges, baseline=low, fill=True, color=UNDERCONFIDENCE, label="underconfidence")
    above.plot((0, 1), (0, 1), color=REFERENCE, linewidth=0.9, linestyle="--")
    above.set(xlim=(0, 1), ylim=(0, 1))
    above.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 0.99))
    points = 100 * bins.overconfidence
    kind = "overconfidence" if points > 0 else "underconfidence"
    title = f"{split}: ECE {bins.expected_calibration_error:.4f}, {kind} {abs(points):.2f} points"
    figure.text(0.5, 6.13 / 6.3, title, ha="center", va="top", fontsize=11)

    total = max(1, bins.counts.sum())
    bottom = 0.5 / total
    below.stairs(np.maximum(bins.counts / total, bottom), edges, baseline=bottom, fill=True, color=TRAIN)
    below.set(xlim=(0, 1), yscale="log", ylim=(bottom, 1.6))
    ticks = [tick for tick in TICKS if tick > bottom]
    below.set_yticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    below.yaxis.set_minor_locator(NullLocator())
    return figure
