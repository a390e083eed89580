"""The metrics of compared runs, with the best value of each where comparing it makes sense."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnexp.metrics.metric_info import Direction, format_metric, metric_info
from nnexp.runs.compare.compared_run import ComparedRun
from nnexp.runs.compare.significance import OTHER_EXAMPLES, PairwiseResult

MAIN = ("best/", "test/", "val/", "train/", "time/", "examples_per_second")
"""Prefixes of the main metrics, in this order."""
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


@dataclass(frozen=True)
class MetricRow:
    """The last value of a metric in each run; where they are not comparable, none is the best."""

    name: str
    values: list[float | None]
    direction: Direction
    best: frozenset[int]
    is_main: bool

    def texts(self, absent: str) -> list[str]:
        """Format the values."""
        return [absent if value is None else format_metric(self.name, value) for value in self.values]


def metric_rows(runs: Sequence[ComparedRun], results: Sequence[PairwiseResult]) -> list[MetricRow]:
    """Collect every metric that any of the runs has; main metrics first."""

    def rank(name: str) -> tuple[int, bool, str]:
        prefix = next((i for i, prefix in enumerate(MAIN) if name.startswith(prefix)), len(MAIN))
        return prefix, not metric_info(name).is_score, name

    def is_comparable(name: str) -> bool:
        if metric_info(name).cost:
            return True
        wrong_loss = name.endswith("loss") and not same_loss
        return same_task and not wrong_loss and (same_test or not name.startswith("test/"))

    same_loss = len({run.loss for run in runs}) == 1
    same_task = not any(result.incomparable_reason for result in results)
    same_test = not any(result.test_skipped_reason == OTHER_EXAMPLES for result in results)
    rows = []
    for name in sorted({name for run in runs for name in run.run.metrics}, key=rank):
        values = [run.run.metrics.get(name) for run in runs]
        direction = metric_info(name).direction if is_comparable(name) else "neither"
        rows.append(MetricRow(name, values, direction, _best(values, direction), rank(name)[0] < len(MAIN)))
    return rows


def _best(values: Sequence[float | None], direction: Direction) -> frozenset[int]:
    known = {i: value for i, value in enumerate(values) if value is not None and not math.isnan(value)}
    if direction == "neither" or len(set(known.values())) < 2:
        return frozenset()
    best = (max if direction == "higher" else min)(known.values())
    return frozenset(i for i, value in known.items() if value == best)
