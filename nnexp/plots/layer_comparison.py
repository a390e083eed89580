"""Activations and gradients over depth of several runs: before the first update, and in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from string import digits
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnexp.messages import natural_key
from nnexp.plots.run.layers import ACTIVATION_STD, GRAD_NORM, MIN_LAYERS, scale_by_logarithm, values_of
from nnexp.plots.style import COLORS, new_figure, style_axes
from nnexp.run_folder import History

When = Literal["initialization", "last evaluation"]
Profile = tuple[str, When]
METRICS = {ACTIVATION_STD: "standard deviation of activations", GRAD_NORM: "norm of the gradient"}
WHEN: tuple[When, ...] = ("initialization", "last evaluation")
WIDTH, HEIGHT = 5, 3.1  # inches


@dataclass(frozen=True)
class RunLayers:
    """The diagnostics of a run's layers: its metrics at each step, from 0, before the first update."""

    history: History

    def points(self, profile: Profile) -> list[tuple[int, float]]:
        """Return the number of each layer and a metric of it; empty where it was not measured.

        Layers of several kinds are numbered together.
        """
        metric, when = profile
        rows = [row for step, row in self.history if bool(step) == (when == "last evaluation")]
        last: Mapping[str, float] = next((row for row in reversed(rows) if any(map(is_measured, row))), {})
        names = [name.removeprefix(ACTIVATION_STD) for name in last if is_measured(name)]
        names.sort(key=natural_key)
        values = values_of(last, metric, names)
        if len(values) < MIN_LAYERS or not np.isfinite(values).any():
            return []
        kinds = {name.rstrip(digits) for name in names}
        numbers = [name.removeprefix(min(kinds)) for name in names]
        is_numbered = len(kinds) == 1 and all(number.isdecimal() for number in numbers)
        return list(zip(map(int, numbers) if is_numbered else count(1), values, strict=False))


def is_measured(name: str) -> bool:
    """Return whether a metric is one that each layer has."""
    return name.startswith(ACTIVATION_STD)


def layer_profiles(runs: Sequence[RunLayers]) -> list[Profile]:
    """Return what any run has values of, for a plot each."""
    return [profile for profile in product(METRICS, WHEN) if any(run.points(profile) for run in runs)]


def profile_plot(runs: Sequence[RunLayers], profile: Profile) -> Figure:
    """Draw one metric over depth, a line for each run, without a legend."""
    figure = new_figure(WIDTH, HEIGHT, "constrained")
    draw_profile(figure.add_subplot(), runs, profile)
    return figure


def draw_profile(axes: Axes, runs: Sequence[RunLayers], profile: Profile) -> None:
    """Draw the lines; the baseline is a wide light one below the others: equal ones are both visible."""
    for i, (run, color) in enumerate(zip(runs, COLORS, strict=False)):
        width, alpha = (3.4, 0.55) if i == 0 else (1.5, 1.0)
        if points := run.points(profile):
            axes.plot(
                *zip(*points, strict=True), marker="o", markersize=3, color=color, lw=width, alpha=alpha
            )
    finish_profile(axes, profile)


def finish_profile(axes: Axes, profile: Profile) -> None:
    """Give axes their title, labels and a logarithmic scale."""
    metric, when = profile
    style_axes(axes, "layer, from input to output", title=f"{METRICS[metric]}: {when}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = [value for line in axes.lines for value in np.asarray(line.get_ydata(), float) if value > 0]
    if values:
        scale_by_logarithm(axes, values)
