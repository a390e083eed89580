"""The metrics that settings select: what a run returns to a sweep, and what picks the best weights."""

import numpy as np

from nnexp.config import ConfigError, Problem, Settings
from nnexp.config.metric_names import missing_metrics
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.metrics.metric_info import AREAS, BEST, TEST, Direction, metric_info
from nnexp.tasks import task_of


def check_metrics(
    settings: Settings, dataset: Dataset, validation: Batches | None, test: Batches | None
) -> None:
    """Raise a ConfigError if a selected metric is not defined for the task, or for these examples."""
    task = task_of(dataset.task)
    problems = [*missing_metrics(settings.values, task, dataset.outputs)]
    selected = [("trainer.monitor", "", settings.trainer.monitor, validation, "score")]
    for name in settings.objectives:
        selected += [
            ("optimized_metric", BEST, name, validation, f"{BEST}{task.score}"),
            ("optimized_metric", TEST, name, test, f"{BEST}{task.score}"),
        ]
    for key, prefix, value, batches, fix in selected:
        is_area = value in [f"{prefix}{area}" for area in AREAS]
        if is_area and not problems and batches is not None and not np.ptp(batches.labels, axis=0).any():
            split = "test" if prefix == TEST else "validation"
            problem = f"not defined where all {split} examples are of one class; fix: {key}={fix}"
            problems.append(Problem(f"{key}={value}", problem))
    if problems:
        raise ConfigError(problems)


def optimized_metrics(settings: Settings, dataset: Dataset, validation: Batches | None) -> tuple[str, ...]:
    """Return the names of the metrics that a run returns to a sweep; a ConfigError if it will lack one.

    Empty: there are no validation examples that a metric could be of.
    """
    names = settings.objectives
    if not names:
        return (f"{BEST}{task_of(dataset.task).score}",) if validation is not None else ()
    for name in names:
        if name.startswith(TEST) and not len(dataset.y_test):
            problem = f"{dataset.name} has no test examples; fix: optimized_metric=null"
            raise ConfigError([Problem(f"optimized_metric={name}", problem)])
    return names


def monitored_metric(settings: Settings) -> tuple[str, Direction]:
    """Return the metric that selects the best weights, and which of its values are better.

    Raises:
        ConfigError: neither the higher nor the lower ones.
    """
    name = settings.trainer.monitor or "score"
    own = settings.metrics.get(name)
    direction = metric_info(name).direction if own is None else own.direction
    if direction == "neither" and name != "score":
        problem = "neither higher nor lower values of it are better; fix: trainer.monitor=score"
        raise ConfigError([Problem(f"trainer.monitor={name}", problem)])
    return name, direction
