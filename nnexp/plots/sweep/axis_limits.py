"""Limits of an axis that one diverging run does not move."""

from collections.abc import Sequence
from math import ceil, isfinite, log10
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, PercentFormatter

from nnexp.analysis.estimate import Estimate
from nnexp.messages import duration
from nnexp.metrics.metric_info import Direction, metric_info
from nnexp.plots.style import FAINT

LOGARITHMIC = (
    300.0  # ratio of the largest and smallest of typical values beyond which the axis is logarithmic
)
REACH = 3.0  # of the range of typical values: what is farther away is beyond the axis
FAR = 20.0  # the same of means, of which the bad ones are of interest unless they diverge
MARGIN = 0.05  # of the range
NEAR_ZERO = 0.3  # of the top: an axis that begins lower begins at 0


def typical_range(curves: Sequence[Sequence[float]], direction: Direction) -> tuple[float, float]:
    """Return the smallest and largest value of the better half of the curves, by their last values."""
    ends = sorted((curve for curve in curves if curve), key=lambda curve: curve[-1])
    if direction == "higher":
        ends.reverse()
    values = [value for curve in ends[: ceil(len(ends) / 2)] for value in curve]
    return min(values), max(values)


def limit(
    axes: Axes, metric: str, direction: Direction, curves: Sequence[Sequence[float]], more: Sequence[float]
) -> None:
    """Set limits, scale and format of the y axis of a metric.

    The axis holds the better half of the curves, and of the others, and of `more` values (of bands), what is
    no farther from these than three times their own range. A note counts the curves that leave the axis.
    """
    curves = [[value for value in curve if isfinite(value)] for curve in curves]
    if not any(curves):
        return
    low, high = typical_range(curves, direction)
    is_log = low > 0 and high / low > LOGARITHMIC and not metric_info(metric).share
    scaled = log10 if is_log else float
    span = (scaled(high) - scaled(low)) or max(abs(scaled(high)) / 10, 1e-3)
    nearest, farthest = scaled(low) - REACH * span, scaled(high) + REACH * span
    values = [value for curve in curves for value in curve] + [value for value in more if isfinite(value)]
    shown = [scaled(value) for value in values if value > 0 or not is_log]
    shown = [value for value in shown if nearest <= value <= farthest]
    bottom, top = min(shown), max(shown)
    margin = MARGIN * ((top - bottom) or span)
    bottom, top = bottom - margin, top + margin
    if is_log:
        axes.set_yscale("log")
        bottom, top = 10**bottom, 10**top
    elif low >= 0 and bottom < NEAR_ZERO * top:
        bottom = 0.0
    axes.set_ylim(bottom, top)
    format_axis(axes.yaxis, metric)
    beyond = sum(any(not bottom <= value <= top for value in curve) for curve in curves)
    note_beyond(axes, beyond, f"{len(curves)} curves")


def note_beyond(axes: Axes, count: int, of: str) -> None:
    """Write into the corner how many of what is drawn lie beyond the axes, if any."""
    if count:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        style: dict[str, Any] = {"ha": "right", "va": "top", "fontsize": 8, "color": FAINT, "bbox": box}
        axes.text(0.99, 0.98, f"beyond these axes: {count} of {of}", transform=axes.transAxes, **style)


def limits_of(rows: Sequence[Sequence[float]], reach: float) -> tuple[float, float]:
    """Return limits that hold the better half of rows, and what is no farther than its range times `reach`.

    Args:
        rows: each a value and the ends of its interval, the best value first.
        reach: how many ranges.
    """
    typical = [value for row in rows[: ceil(len(rows) / 2)] for value in row]
    low, high = min(typical), max(typical)
    distance = reach * ((high - low) or abs(high) / 30 or 1e-3)
    nearest, farthest = low - distance, high + distance
    near = [v for row in rows if nearest <= row[0] <= farthest for v in row if nearest <= v <= farthest]
    margin = 0.06 * ((max(near) - min(near)) or distance / reach * REACH)
    return min(near) - margin, max(near) + margin


def bounds(estimate: Estimate, metric: str) -> list[float]:
    """Return the ends of the interval of a mean, within what the metric can be; without one, the mean."""
    ends = [value for value in (estimate.low, estimate.high) if value is not None] or [estimate.mean]
    return [metric_info(metric).bound(value) for value in ends]


def format_axis(axis: Axis, metric: str) -> None:
    """Format the numbers of a metric's axis: shares in percent, seconds as durations."""
    info = metric_info(metric)
    if info.style == "percent":
        axis.set_major_formatter(PercentFormatter(1))
    elif info.unit == "s":
        axis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
