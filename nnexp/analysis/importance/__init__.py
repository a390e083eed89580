"""Importance of params: exact functional ANOVA of full grids, else a random forest."""

from nnexp.analysis.importance.functional_anova import functional_anova
from nnexp.analysis.importance.random_forest import random_forest
from nnexp.analysis.results import Importance
from nnexp.analysis.run_group import RunGroup


def importance_of(group: RunGroup) -> Importance | None:
    """Return how much of the variance of the metric each param explains; None: too few runs to say."""
    if not group.keys:
        return None
    return functional_anova(group) or random_forest(group)
