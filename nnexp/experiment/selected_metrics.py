"""The metrics that settings select: what a run returns to a sweep, and what picks the best weights."""

import numpy as np

from nnexp.config import ConfigError, Problem, Settings
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.metrics.metric_info import AREAS, BEST, TEST, Direction, metric_info
from nnexp.tasks import task_of


def optimized_metric(
    settings: Settings, dataset: Dataset, validation: Batches | None, test: Batches | None
) -> str | None:
    """Return the name of the metric that a run returns to a sweep; a ConfigError if the run will lack it.

    None: there are no validation examples that a metric could be of.
    """
    score = task_of(dataset.task).score
    name = settings.optimized_metric
    if name is None:
        return f"{BEST}{score}" if validation is not None else None
    if name.startswith(TEST) and test is None:
        problem = f"{dataset.name} has no test examples; fix: optimized_metric=null"
        raise ConfigError([Problem(f"optimized_metric={name}", problem)])
    for prefix, batches in ((BEST, validation), (TEST, test)):
        if name.startswith(prefix) and (metric := name.removeprefix(prefix)) not in settings.metrics:
            check_metric("optimized_metric", metric, dataset, batches, prefix=prefix, fix=f"{BEST}{score}")
    return name


def monitored_metric(
    settings: Settings, dataset: Dataset, validation: Batches | None
) -> tuple[str, Direction]:
    """Return the metric that selects the best weights, and its direction; a ConfigError if there is none."""
    name = settings.trainer.monitor or "score"
    if name == "score":
        return name, "higher"
    if (own := settings.metrics.get(name)) is None:
        check_metric("trainer.monitor", name, dataset, validation, fix="score")
        return name, metric_info(name).direction
    if own.direction == "neither":
        problem = "neither higher nor lower values of it are better; fix: trainer.monitor=score"
        raise ConfigError([Problem(f"trainer.monitor={name}", problem)])
    return name, own.direction


def check_metric(
    key: str, metric: str, dataset: Dataset, batches: Batches | None, *, fix: str, prefix: str = ""
) -> None:
    """Raise a ConfigError if the metric of a setting is not defined for the task, or for these examples.

    Args:
        key: of the setting.
        metric: the name in it.
        dataset: which task it has.
        batches: the examples that it is computed on; None: there are none.
        fix: a value that the setting may have.
        prefix: before the metric in the setting.
    """
    task = task_of(dataset.task)
    names = task.metric_names(dataset.outputs)
    problem = ""
    if metric not in names:
        expected = ", ".join(f"{prefix}{name}" for name in names)
        problem = f"{task.describe(dataset.outputs)} has no such metric; expected one of {expected}"
    elif metric in AREAS and batches is not None and not np.ptp(batches.labels, axis=0).any():
        split = "test" if prefix == TEST else "validation"
        problem = f"not defined where all {split} examples are of one class"
    if problem:
        raise ConfigError([Problem(f"{key}={prefix}{metric}", f"{problem}; fix: {key}={fix}")])
