"""Names of metrics in a configuration: of one's own, of the monitored one, of the optimized one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from nnexp.config.errors import Problem
from nnexp.messages import did_you_mean, hydra_override, override
from nnexp.metrics.metric_info import BEST, COSTS, EACH, SPLIT_METRICS, TASK_METRICS, TEST
from nnexp.metrics.objectives import objectives_of
from nnexp.task import Task
from nnexp.tasks import task_of

SCORE = "score"  # of the task, whichever it is


def invalid_names(values: dict[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each metric of a resolved configuration that no run has."""
    sections, trainer = (
        section if isinstance(section := values.get(key), dict) else {} for key in ("metrics", "trainer")
    )
    for name, section in sections.items():
        where = hydra_override(f"metrics.{name}", section)
        if name in SPLIT_METRICS:
            yield Problem(where, f"{name} is a metric of nnexp; fix: another name")
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
            yield Problem(where, "the name must be of letters, digits, _, - and .")
    names = (*TASK_METRICS, *map(str, sections))
    yield from invalid_objectives(values.get("optimized_metric"), names)
    monitor = trainer.get("monitor")
    known = (SCORE, *names)
    if isinstance(monitor, str) and monitor.removeprefix(EACH) not in known:
        meant = monitor.rpartition("/")[2].removeprefix("val_")
        what = f"{did_you_mean(meant, known)}must be one of {', '.join(known)}"
        yield Problem(hydra_override("trainer.monitor", monitor), what)


def invalid_objectives(optimized: Any, names: Sequence[str]) -> Iterator[Problem]:
    """Yield a problem for each objective that no run has, or that is there twice; `names` of metrics."""
    where = hydra_override("optimized_metric", optimized)
    once = (*(f"{when}{name}" for when in (BEST, TEST) for name in names), *COSTS)
    objectives = objectives_of(optimized)
    if optimized == []:
        yield Problem(where, "expected a metric, or several; fix: optimized_metric=null")
    for name in dict.fromkeys(objectives):
        of_several = f"{name}: " if len(objectives) > 1 else ""
        if name not in once:
            expected = f"must be {BEST}NAME or {TEST}NAME, of which NAME is one of {', '.join(names)}"
            meant = name if "/" in name or get_close_matches(name, COSTS) else f"{BEST}{name}"
            what = f"{did_you_mean(meant, once)}{expected}, or {' or '.join(COSTS)}, or null"
            yield Problem(where, f"{of_several}{what}")
        elif objectives.count(name) > 1:
            fix = override("optimized_metric", [*dict.fromkeys(objectives)])
            yield Problem(where, f"{name} is there {objectives.count(name)} times; fix: {fix}")


def missing_metrics(values: Mapping[str, Any], task: Task, outputs: int) -> Iterator[Problem]:
    """Yield a problem for each metric that valid values select and the task with so many outputs lacks."""
    names = task.metric_names(outputs)
    selected = [("trainer.monitor", values.get("trainer", {}).get("monitor") or SCORE)]
    fixes = {"trainer.monitor": SCORE, "optimized_metric": f"{BEST}{task.score}"}
    objectives = objectives_of(values.get("optimized_metric"))
    selected += [("optimized_metric", name) for name in objectives if name.startswith((BEST, TEST))]
    for key, value in selected:
        name = value.removeprefix(BEST).removeprefix(TEST)
        if name not in (SCORE, *names, *(values.get("metrics") or ())):
            prefix = value.removesuffix(name)
            expected = f"expected one of {', '.join(f'{prefix}{name}' for name in names)}"
            what = f"{task.describe(outputs)} has no such metric; {expected}; fix: {key}={fixes[key]}"
            yield Problem(f"{key}={value}", what)


def missing_for_classes(values: Mapping[str, Any], classes: int) -> Iterator[Problem]:
    """Yield the same for data whose classes are known before they are loaded; 0: they are not."""
    if classes:
        yield from missing_metrics(values, task_of("classification"), classes)
