"""An axis of scores, logarithmic in the error 1 - score: from 80 to 90 % is as far as from 98 to 99 %."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from nnexp.metrics.metric_info import metric_info

WIDE = 8.0  # ratio of the largest and the smallest error beyond which the axis is logarithmic
SMALLEST = 1e-9  # error that is drawn
MARGIN = 0.05  # of the range
TICKS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)


def is_wide(scores: Sequence[float], metric: str) -> bool:
    """Return whether the errors of a score that is best at 1 differ by more than a factor of 8."""
    info = metric_info(metric)
    best = max(scores)
    is_near_1 = info.share and info.direction == "higher" and min(scores) >= 0 and best < 1
    return is_near_1 and 1 - min(scores) > WIDE * (1 - best)


def error_limits(scores: Sequence[float]) -> tuple[float, float]:
    """Return limits that hold all scores from 0 to below 1, with a margin on the logarithmic scale."""
    exponents = _forward(np.array([score for score in scores if 0 <= score < 1]))
    bottom, top = float(exponents.min()), float(exponents.max())
    margin = MARGIN * (top - bottom)
    low, high = _inverse(np.array([bottom - margin, top + margin])).tolist()
    return max(low, 0.0), high


def set_error_scale(axes: Axes, limits: tuple[float, float]) -> None:
    """Scale the y axis by the logarithm of the error, with ticks at round scores."""
    axes.set_yscale("function", functions=(_forward, _inverse))
    axes.set_ylim(*limits)
    axes.set_yticks([tick for tick in TICKS if limits[0] <= tick <= limits[1]])
    axes.yaxis.set_minor_locator(NullLocator())


def _forward(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    exponents: NDArray[np.float64] = -np.log10(np.maximum(1 - np.asarray(scores), SMALLEST))
    return exponents


def _inverse(exponents: NDArray[np.float64]) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = 1 - 10 ** -np.asarray(exponents)
    return scores
