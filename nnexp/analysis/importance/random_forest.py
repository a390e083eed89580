"""Importance of params by permuting them in runs that a random forest has not seen.

L. Breiman, Random forests, Machine Learning 45, 2001. The increase of the squared error is twice the variance
that the param explains alone and together with others (B. Gregorutti, B. Michel and P. Saint-Pierre,
Correlation and variable importance in random forests, Statistics and Computing 27, 2017, proposition 1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnexp.analysis.results import Importance, ParamImportance
from nnexp.analysis.run_group import RunGroup
from nnexp.analysis.run_table import RunRow
from nnexp.analysis.setting_names import as_number

MIN_RUNS = 20
FOLDS = 5
TREES = 100
PERMUTATIONS = 10
GOOD_FIT = 0.5  # R2
Array = NDArray[np.float64]


def random_forest(group: RunGroup) -> Importance | None:
    """Fit forests to four fifths of the runs, permute each param in the rest; None: too few runs.

    A share is of the variance of the metric; those of params that act together include each other's.
    """
    rows = [row for row in group.rows if group.value(row) is not None]
    y = np.array([group.value(row) for row in rows], np.float64)
    if len(rows) < MIN_RUNS or y.std() <= 1e-12 * np.abs(y).max():
        return None
    x = np.column_stack([_column(rows, key) for key in group.keys])
    residual, increase = _cross_validate(x, (y - y.mean()) / y.std())
    fit = 1 - residual
    params = [
        ParamImportance(key, group.labels[key], float(max(0.0, mean)), float(std))
        for key, mean, std in zip(
            group.keys, increase.mean(axis=0), increase.std(axis=0, ddof=1), strict=True
        )
    ]
    note = "" if fit >= GOOD_FIT else "the forest predicts runs that it has not seen badly: do not rely on it"
    return Importance(
        method="random forest", params=tuple(sorted(params, key=lambda each: -each.share)), fit=fit, note=note
    )


def _cross_validate(x: Array, y: Array) -> tuple[float, Array]:
    """Return the squared error of held-out runs, and half its increase (permutations, params)."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    rng = np.random.default_rng(0)
    squares = 0.0
    increase = np.zeros((PERMUTATIONS, x.shape[1]))
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(x):
        forest = RandomForestRegressor(TREES, random_state=0).fit(x[train], y[train])
        error = ((y[test] - forest.predict(x[test])) ** 2).sum()
        squares += error
        for param in range(x.shape[1]):
            permuted = np.tile(x[test], (PERMUTATIONS, 1, 1))  # (permutations, runs, params)
            for copy in permuted:
                copy[:, param] = rng.permutation(copy[:, param])
            predicted = forest.predict(permuted.reshape(-1, x.shape[1])).reshape(PERMUTATIONS, -1)
            increase[:, param] += ((y[test] - predicted) ** 2).sum(axis=1) - error
    return float(squares) / len(y), increase / (2 * len(y))


def _column(rows: Sequence[RunRow], key: str) -> Array:
    """Return a param as numbers; others by the order of their first run, missing ones as NaN."""
    texts = [row.params.get(key) for row in rows]
    numbers = {text: as_number(text) for text in texts if text is not None}
    if any(value is None for value in numbers.values()):
        numbers = {text: float(index) for index, text in enumerate(numbers)}
    return np.array([np.nan if text is None else numbers[text] for text in texts], np.float64)
