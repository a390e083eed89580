"""The metrics of compared runs: which value is the best, and where asking that makes no sense."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnexp.metrics.metric_info import format_metric, metric_info
from nnexp.runs.compare.compared_run import ComparedRun
from nnexp.runs.compare.significance import PairwiseResult

COST = {"time", "second"}  # can be compared whatever was learnt
SHOWN = ("best/", "test/", "val/", "train/", "time/", "examples_per_second")
"""Beginnings of the metrics that a person looks for, in this order; the others are for whoever asks."""
ABSENT = "-"


@dataclass(frozen=True)
class Metric:
    """A metric of each run: its last value.

    Attributes:
        name: as MLflow has it.
        values: None: the run has none.
        better: "higher", "lower", or empty where neither is.
        best: the runs that have the best value; none where all are equal.
        shown: whether it is one that a person looks for.
    """

    name: str
    values: list[float | None]
    better: str
    best: frozenset[int]
    shown: bool


def metrics(sides: Sequence[ComparedRun], gaps: Sequence[PairwiseResult]) -> list[Metric]:
    """Every metric that any of the runs has; of scores of other data and of other losses none is the best."""

    def place(name: str) -> tuple[int, bool, str]:
        found = next((i for i, beginning in enumerate(SHOWN) if name.startswith(beginning)), len(SHOWN))
        return found, not metric_info(name).is_score, name

    same_loss = (
        len(
            {
                tuple(sorted((k, v) for k, v in side.run.params.items() if k.split(".")[0] == "loss"))
                for side in sides
            }
        )
        == 1
    )
    same_task = not any(gap.apart for gap in gaps)
    same_test = same_task and not any(gap.test is None and gap.both_tested for gap in gaps)

    def comparable(name: str) -> bool:
        if metric_info(name).cost:
            return True
        return (
            same_task
            and (same_loss or not name.endswith("loss"))
            and (same_test or not name.startswith("test/"))
        )

    made = []
    for name in sorted({name for side in sides for name in side.run.metrics}, key=place):
        values = [side.run.metrics.get(name) for side in sides]
        direction = metric_info(name).direction
        better = "" if direction == "neither" else direction
        best = best_of(values, better) if comparable(name) else frozenset()
        made.append(
            Metric(name, values, better if comparable(name) else "", best, place(name)[0] < len(SHOWN))
        )
    return made


def best_of(values: Sequence[float | None], better: str) -> frozenset[int]:
    """Where the best value is; nowhere if all are the same, or if neither more nor less is better."""
    known = {i: value for i, value in enumerate(values) if value is not None and not math.isnan(value)}
    if not better or len(set(known.values())) < 2:
        return frozenset()
    top = (max if better == "higher" else min)(known.values())
    return frozenset(i for i, value in known.items() if value == top)


def shown(name: str, value: float | None) -> str:
    """A metric as a person reads it; a dash where there is none."""
    return ABSENT if value is None else format_metric(name, value)
