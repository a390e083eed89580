"""The pruners of a search: which trials end before their last epoch, and after which epochs that is decided.

A trial's intermediate values are its validation metric after 1, 2, ... epochs.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

PrunerName = Literal["median", "asha", "hyperband"]
STARTUP_TRIALS = 5  # that the median is of, at least
MEDIAN_WARMUP = 10  # the share of all epochs before the first comparison is 1 / 10
MAX_HALVINGS = 100  # ratio of all epochs and of those before the first comparison of successive halving
REDUCTION_FACTOR = 4  # of successive halving: one trial of 4 goes on
HYPERBAND_FACTOR = 3  # the same of Hyperband, whose brackets are the more the smaller it is


def make_pruner(name: PrunerName | None, epochs: int) -> "BasePruner":
    """Make a pruner for trials of so many epochs.

    median: a trial ends if its best value so far is worse than the median of the complete trials after as
    many epochs. asha: asynchronous successive halving (Li et al., A System for Massively Parallel
    Hyperparameter Tuning, 2020): after r, 4r, 16r, ... epochs a trial goes on if it is among the best quarter
    of all trials that came as far. hyperband: several such races, each with its own first r (Li et al.,
    Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization, 2018).
    """
    from optuna import pruners

    first = max(epochs // MAX_HALVINGS, 1)
    match name:
        case "median":
            warmup = 1 + epochs // MEDIAN_WARMUP
            return pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=warmup)
        case "asha":
            return pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=REDUCTION_FACTOR)
        case "hyperband":
            return pruners.HyperbandPruner(
                min_resource=first, max_resource=epochs, reduction_factor=HYPERBAND_FACTOR
            )
    return pruners.NopPruner()


def describe_pruner(name: PrunerName | None, epochs: int) -> str:
    """Describe when a pruner decides: "after 1, 4 of 10 epochs"; empty for none."""
    if name is None:
        return ""
    if name == "median":
        return f"after each epoch from {1 + epochs // MEDIAN_WARMUP} of {epochs}"
    factor = REDUCTION_FACTOR if name == "asha" else HYPERBAND_FACTOR
    rungs = [max(epochs // MAX_HALVINGS, 1)]
    while rungs[-1] * factor < epochs:
        rungs.append(rungs[-1] * factor)
    return f"after {', '.join(map(str, rungs))} of {epochs} epochs"
