"""Interaction of two params: whether what one does depends on the value of the other."""

import numpy as np
from numpy.typing import NDArray

from nnexp.analysis.grid import Grid, grid_of
from nnexp.analysis.results import Interaction
from nnexp.analysis.run_group import RunGroup

Array = NDArray[np.float64]
NOT_FULL = "some combinations have no result"
NO_REPEATS = "one seed: whether the interaction is more than chance cannot be tested"
UNBALANCED = "not every combination has a result of each seed"
FOLDS = "folds share training examples: no F-test"


def interaction_of(group: RunGroup, keys: tuple[str, str]) -> Interaction | None:
    """Average a group's results by the values of two params, over all others; None: there are too few.

    The test: two-way analysis of variance with seeds as blocks (R. A. Fisher, Statistical methods for
    research workers, 1925): F = MS of the interaction / MS of the residual.
    """
    grid = grid_of(group, keys)
    if grid is None or min(grid.counts.shape) < 2:
        return None
    means = grid.means
    p, note = (None, NOT_FULL) if np.isnan(means).any() else _test(group, grid)
    first, second = grid.levels
    return Interaction(
        keys=keys,
        labels=(group.labels[keys[0]], group.labels[keys[1]]),
        rows=first.names,
        columns=second.names,
        means=tuple(tuple(None if np.isnan(mean) else float(mean) for mean in row) for row in means),
        counts=tuple(tuple(map(int, row)) for row in grid.counts),
        p=p,
        note=note,
    )


def _beyond_main_effects(means: Array) -> Array:
    """Return what the sum of both main effects leaves of each mean: m_ij - m_i. - m_.j + m_.."""
    rest: Array = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    return rest


def _test(group: RunGroup, grid: Grid) -> tuple[float | None, str]:
    from scipy.special import fdtrc

    if "data.fold" in group.repeats:
        return None, FOLDS
    if not grid.is_balanced:
        return None, NO_REPEATS if grid.values.shape[-1] < 2 else UNBALANCED
    values = grid.values  # (A, B, R)
    rows, columns, repeats = values.shape
    cells = values.mean(axis=2)
    residual = values - cells[:, :, None] - values.mean(axis=(0, 1)) + values.mean()
    df = (rows - 1) * (columns - 1)
    df_residual = (rows * columns - 1) * (repeats - 1)
    explained = repeats * float((_beyond_main_effects(cells) ** 2).sum()) / df
    unexplained = float((residual**2).sum()) / df_residual
    if unexplained <= 0.0:
        return None, "the results do not depend on the seed: there is nothing to test against"
    return float(fdtrc(df, df_residual, explained / unexplained)), ""
