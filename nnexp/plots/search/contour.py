"""Contours of a search: the objective over two params, between the trials interpolated."""

from contextlib import suppress
from functools import partial
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from nnexp.analysis.study_data import StudyData, StudyParam, StudyTrial
from nnexp.plots.search.param_axis import format_param_axis, places
from nnexp.plots.style import apply_colormap, style_axes
from nnexp.plots.sweep.interaction import shades
from nnexp.plots.sweep.panel import Panel, SweepPlot

MAX_PARAMS = 3  # of which each two have a panel
MIN_TRIALS = 4
LEVELS = 12
MARGIN = 0.05  # of the range, around the points
NOTE = (
    "{metric} over two params, linearly interpolated between the complete trials (points): darker is better."
)


def contour_plot(study: StudyData) -> SweepPlot | None:
    """Lay out a panel for each two of the most important params; None: too few trials have them."""
    every = combinations(study.params[:MAX_PARAMS], 2)
    pairs = [pair for pair in every if len(trials_of(study, *pair)) >= MIN_TRIALS]
    if not pairs:
        return None
    return SweepPlot(
        name="search-contour",
        title="Contours",
        note=NOTE.format(metric=study.objectives[0].metric),
        panels=[Panel(partial(draw_contour, study=study, x=x, y=y)) for x, y in pairs],
    )


def trials_of(study: StudyData, x: StudyParam, y: StudyParam) -> list[StudyTrial]:
    """Return the complete trials that have both params, best first."""
    return [trial for trial in study.ranked(0) if x.name in trial.params and y.name in trial.params]


def draw_contour(axes: Axes, study: StudyData, x: StudyParam, y: StudyParam) -> None:
    """Draw filled contours where the trials span an area, and a point for each trial."""
    style_axes(axes)
    trials = trials_of(study, x, y)
    shade = shades([[trial.values[0] for trial in trials]], study.objectives[0].sign > 0)[0]
    points = np.array([places(x, trials), places(y, trials)])
    triangles = triangulation(np.array([unit_scale(values) for values in points]))
    if triangles is not None:
        colormap = ListedColormap(apply_colormap(np.linspace(0.0, 1.0, 256), "Blues") / 255)
        area = Triangulation(points[0], points[1], triangles)
        axes.tricontourf(area, shade, levels=np.linspace(0, 1, LEVELS + 1), cmap=colormap, alpha=0.8)
    colors = apply_colormap(shade, "Blues") / 255
    axes.scatter(points[0], points[1], c=colors, s=18, edgecolors="#555555", linewidths=0.6)
    axes.use_sticky_edges = False  # points at the ends of an area are whole
    axes.margins(MARGIN)
    format_param_axis(axes, "x", x)
    format_param_axis(axes, "y", y)


def unit_scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale values to 0 ... 1."""
    return np.asarray((values - values.min()) / (np.ptp(values) or 1.0))


def triangulation(points: NDArray[np.float64]) -> NDArray[np.int32] | None:
    """Return the Delaunay triangles of points (2, N); None: they lie on a line."""
    if np.linalg.matrix_rank(points - points[:, :1], tol=1e-6) < 2:
        return None
    with suppress(ValueError, RuntimeError):  # on a line, but for rounding
        return np.asarray(Triangulation(points[0], points[1]).triangles)
    return None
