"""A trial in the process of the search: reports intermediate values, and asks whether to prune."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nnexp.messages import first_line
from nnexp.metrics.metric_info import BEST, TEST
from nnexp.sweeps.search.pruners import PrunerName, make_pruner
from nnexp.sweeps.search.storage import open_storage
from nnexp.tasks import task_of_metrics

if TYPE_CHECKING:
    from optuna.study import Study

PRUNED = "pruned"  # user attribute of a trial: that it has been decided
log = logging.getLogger("nnexp")


@dataclass(frozen=True)
class TrialHandle:
    """A trial, as its job sees it; it can be sent to other processes."""

    storage: str  # of the study: see `open_storage`
    study: str  # its name
    trial_id: int  # in the storage
    pruner: PrunerName
    epochs: int  # of a trial that is not pruned
    objective: str | None = None  # the metric that is optimized; None: the score

    def should_prune(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Report the validation metric after `epoch` epochs, once; return whether the trial is pruned there.

        A storage that cannot be reached prunes nothing: training goes on.
        """
        value = intermediate_value(self.objective, metrics)
        if epoch < 1 or value is None:
            return False
        try:
            return self.report(epoch, value)
        except Exception as error:  # noqa: BLE001, each storage raises its own types
            log.warning("not reported to the study: %s: %s", type(error).__name__, first_line(error))
            return False

    def report(self, epoch: int, value: float) -> bool:
        """Report a value and ask the pruner; of an epoch that was reported before, neither."""
        storage = open_storage(self.storage)
        trial = storage.get_trial(self.trial_id)
        if trial.user_attrs.get(PRUNED):  # decided, but its process died before the run's end was recorded
            return True
        if trial.state.is_finished() or epoch in trial.intermediate_values:
            return False
        storage.set_trial_intermediate_value(self.trial_id, epoch, value)
        study = open_study(self.storage, self.study, self.pruner, self.epochs)
        is_pruned = study.pruner.prune(study, storage.get_trial(self.trial_id))
        if is_pruned and epoch < self.epochs:
            storage.set_trial_user_attr(self.trial_id, PRUNED, True)
        return is_pruned


@lru_cache(maxsize=4)
def open_study(storage: str, name: str, pruner: PrunerName, epochs: int) -> "Study":
    """Open a study with its pruner, once in a process; nothing is sampled from it here."""
    from optuna import load_study
    from optuna.samplers import RandomSampler

    return load_study(
        study_name=name,
        storage=open_storage(storage),
        sampler=RandomSampler(),
        pruner=make_pruner(pruner, epochs),
    )


def intermediate_value(objective: str | None, metrics: Mapping[str, float]) -> float | None:
    """Return the validation metric of an evaluation that an objective is the best of; None: there is none."""
    if objective is None:
        task = task_of_metrics(metrics)
        return None if task is None else metrics.get(f"val/{task.score}")
    return metrics.get(intermediate_metric(objective) or "")


def intermediate_metric(objective: str) -> str | None:
    """Return the metric of each evaluation that corresponds to an objective.

    `best/val_accuracy` and `test/accuracy` have val/accuracy; costs, such as time/total, have none.
    """
    for prefix in (BEST, TEST):
        if objective.startswith(prefix):
            return f"val/{objective.removeprefix(prefix)}"
    return None
