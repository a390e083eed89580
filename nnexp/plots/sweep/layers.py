"""Activations and gradients of settings over the depth of their networks: medians over their runs."""

from collections.abc import Sequence
from functools import partial
from math import isfinite
from statistics import median

from matplotlib.axes import Axes

from nnexp.plots.layer_comparison import Profile, RunLayers, finish_profile, layer_profiles
from nnexp.plots.style import COLORS
from nnexp.plots.sweep.curves import SettingCurves
from nnexp.plots.sweep.panel import Panel, SweepPlot

NOTE = (
    "Line: the median of a setting's runs. Initialization: in the first batch, before the first update. "
    "Where deviations fall or grow from layer to layer, signals vanish or explode."
)


def layers_plot(settings: Sequence[SettingCurves]) -> SweepPlot | None:
    """Lay out the diagnostics of layers of at most ten settings; None: none has three layers or more."""
    settings = settings[: len(COLORS)]
    layers = [[RunLayers(history) for history in each.histories] for each in settings]
    profiles = layer_profiles([run for runs in layers for run in runs])
    if not profiles:
        return None
    return SweepPlot(
        name="layers",
        title="Layers",
        note=NOTE,
        panels=[Panel(partial(draw_settings, settings=layers, profile=profile)) for profile in profiles],
        legend=[(color, each.label) for color, each in zip(COLORS, settings, strict=False)],
    )


def draw_settings(axes: Axes, settings: Sequence[Sequence[RunLayers]], profile: Profile) -> None:
    """Draw a line for each setting; the first is in front."""
    for runs, color in reversed(list(zip(settings, COLORS, strict=False))):
        by_layer: dict[int, list[float]] = {}
        for run in runs:
            for number, value in run.points(profile):
                by_layer.setdefault(number, []).extend([value] if isfinite(value) else [])
        points = [(number, median(values)) for number, values in sorted(by_layer.items()) if values]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, color=color, linewidth=1.8)
    finish_profile(axes, profile)
