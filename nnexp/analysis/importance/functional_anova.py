"""Exact functional ANOVA of a full grid: shares of variance of params, of pairs of params, and of chance.

G. Hooker, Generalized functional ANOVA diagnostics, Journal of Computational and Graphical Statistics 16,
2007; as importance of hyperparameters: F. Hutter, H. Hoos and K. Leyton-Brown, An efficient approach for
assessing hyperparameter importance, ICML 2014. Every combination was trained, so no model is fitted.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nnexp.analysis.grid import Grid, grid_of
from nnexp.analysis.results import Importance, ParamImportance
from nnexp.analysis.run_group import RunGroup

ONE_SEED = "one seed: what chance explains is not separated from the params"
MANY = 1000  # levels: numbers are not cut into ranges
Array = NDArray[np.float64]


def functional_anova(group: RunGroup) -> Importance | None:
    """Decompose the variance of a full grid; None: a combination has no result, or nothing else varies.

    The variance of a mean over n repeats holds 1/n of that of chance, which is subtracted.
    """
    if any(key not in row.params for row in group.rows for key in group.keys):
        return None
    grid = grid_of(group, group.keys, MANY)
    if grid is None or not grid.is_full or len(group.keys) + grid.values.shape[-1] < 3:
        return None
    means = grid.means
    chance, error = _noise(grid)
    cells = means.size

    def variance(axes: tuple[int, ...]) -> float:
        df = int(np.prod([means.shape[axis] - 1 for axis in axes]))
        return max(0.0, float((component(means, axes) ** 2).mean()) - df / cells * error)

    axes = range(means.ndim)
    singles = {group.keys[i]: variance((i,)) for i in axes}
    pairs = {(group.keys[i], group.keys[j]): variance((i, j)) for i, j in combinations(axes, 2)}
    explained = max(
        float(means.var()) - (cells - 1) / cells * error, sum(singles.values()) + sum(pairs.values())
    )
    total = explained + chance
    if total <= (1e-12 * np.abs(means).max()) ** 2:  # nothing but rounding
        return None
    labels = group.labels
    params = [ParamImportance(key, labels[key], each / total) for key, each in singles.items()]
    interactions = [
        ParamImportance(f"{one} x {other}", f"{labels[one]} x {labels[other]}", each / total)
        for (one, other), each in pairs.items()
    ]
    has_repeats = grid.values.shape[-1] > 1
    return Importance(
        method="functional ANOVA",
        params=tuple(sorted(params, key=lambda each: -each.share)),
        interactions=tuple(sorted(interactions, key=lambda each: -each.share)),
        noise=chance / total if has_repeats else None,
        note="" if has_repeats else ONE_SEED,
    )


def component(means: Array, axes: tuple[int, ...]) -> Array:
    """Return the effect of some params alone: their marginal means without the effects of fewer of them."""
    others = tuple(axis for axis in range(means.ndim) if axis not in axes)
    effect: Array = means.mean(axis=others, keepdims=True)
    for size in range(len(axes)):
        for fewer in combinations(axes, size):
            effect = effect - component(means, fewer)
    return effect


def _noise(grid: Grid) -> tuple[float, float]:
    """Return the variance between repeats of a setting, and that of a difference of the means of two, halved.

    Where all settings have the same repeats, what a seed does to all of them is in the first, not the second.
    """
    values = grid.values
    known = ~np.isnan(values)
    n = known.sum(axis=-1)
    df = int((n - 1).sum())
    if df == 0:
        return 0.0, 0.0
    within = np.where(known, values - grid.means[..., None], 0.0)
    chance = float((within**2).sum()) / df
    per_mean = float((1 / n).mean())
    if not grid.is_balanced:
        return chance, chance * per_mean
    residual = within - within.mean(axis=tuple(range(within.ndim - 1)))
    cells, repeats = values[..., 0].size, values.shape[-1]
    return chance, float((residual**2).sum()) / max(1, (cells - 1) * (repeats - 1)) * per_mean
