"""Learning curves of settings: the median of each one's runs as a line, their range as a band."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nnexp.metrics.metric_info import Direction
from nnexp.plots.style import COLORS, plot_curve, style_axes
from nnexp.plots.sweep.axis_limits import limit
from nnexp.plots.sweep.panel import Panel, SweepPlot
from nnexp.run_folder import History

SPLIT_WORDS = {"train": "training", "val": "validation"}
NOTE = (
    "Line: the median of a setting's runs at each {unit}; band: from the lowest to the highest run. "
    "± is the standard deviation over seeds and folds."
)


@dataclass(frozen=True)
class SettingCurves:
    """The learning curves of a setting's runs.

    Attributes:
        label: of the setting, with its result.
        unit: what the steps count, epoch or step.
        histories: of each run.
    """

    label: str
    unit: str
    histories: Sequence[History]


@dataclass(frozen=True)
class CurveMetric:
    """A metric with learning curves."""

    name: str  # as it is logged: val/accuracy
    label: str  # for a reader: validation accuracy
    direction: Direction


@dataclass(frozen=True)
class Band:
    """The median of several runs, lowest and highest, at the steps that at least half of them have."""

    steps: list[int]
    middle: list[float]
    low: list[float]
    high: list[float]

    @classmethod
    def of(cls, histories: Sequence[History], metric: str) -> "Band":
        by_step: dict[int, list[float]] = {}
        for history in histories:
            for step, values in history:
                if metric in values and np.isfinite(values[metric]):
                    by_step.setdefault(step, []).append(values[metric])
        most = max(map(len, by_step.values()), default=0)
        rows = [(step, values) for step, values in sorted(by_step.items()) if 2 * len(values) >= most]
        return cls(
            steps=[step for step, _ in rows],
            middle=[median(values) for _, values in rows],
            low=[min(values) for _, values in rows],
            high=[max(values) for _, values in rows],
        )


def curves_plot(settings: Sequence[SettingCurves], metrics: Sequence[CurveMetric]) -> SweepPlot | None:
    """Lay out the curves of at most ten settings, a panel for each metric that any has; None: none has."""
    settings = settings[: len(COLORS)]
    logged = {name for each in settings for history in each.histories for _, row in history for name in row}
    panels = [Panel(partial(draw_curves, settings=settings, metric=m)) for m in metrics if m.name in logged]
    if not panels:
        return None
    return SweepPlot(
        name="curves",
        title="Learning curves",
        note=NOTE.format(unit=settings[0].unit),
        panels=panels,
        legend=[(color, each.label) for color, each in zip(COLORS, settings, strict=False)],
    )


def draw_curves(axes: Axes, settings: Sequence[SettingCurves], metric: CurveMetric) -> None:
    """Draw a line and a band for each setting; the first is in front."""
    units = {each.unit for each in settings}
    bands = [Band.of(each.histories, metric.name) for each in settings]
    for band, color in reversed(list(zip(bands, COLORS, strict=False))):
        if band.steps:
            x = np.array(band.steps) / (band.steps[-1] if len(units) > 1 else 1)
            axes.fill_between(x, band.low, band.high, color=color, alpha=0.15, linewidth=0)
            plot_curve(axes, x.tolist(), band.middle, color=color, linewidth=1.8)
    if len(units) > 1:
        style_axes(axes, "fraction of the training", title=metric.label)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
    else:
        style_axes(axes, next(iter(units), "epoch"), title=metric.label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    extremes = [value for band in bands for value in (*band.low, *band.high)]
    limit(axes, metric.name, metric.direction, [band.middle for band in bands], extremes)
