"""Objectives of a sweep: the value that a run returns, or several ones, and the fronts that points are on."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite

import numpy as np

Value = float | tuple[float, ...]
"""Of one objective a number, of several ones a number each."""


def objectives_of(value: object) -> tuple[str, ...]:
    """Return the metrics that a value of `optimized_metric` names, or the text of that param; empty: none."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            value = json.loads(value)
    if value in (None, "", "null", "None"):
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    return (str(value),)


def objective_value(names: Sequence[str], metrics: Mapping[str, float]) -> Value | None:
    """Return the value of one objective, or the values of several; None: metrics lack one."""
    values = tuple(metrics[name] for name in names if name in metrics)
    if not values or len(values) < len(names):
        return None
    return values if len(names) > 1 else values[0]


def values_of(value: Value | None) -> tuple[float, ...]:
    """Return the value of each objective; empty: there is none, or one is not finite."""
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    return values if all(map(isfinite, values)) else ()


def front_numbers(scores: Sequence[Sequence[float]]) -> list[int]:
    """Sort points by non-domination: 1 for the Pareto front, 2 for the front of the others, and so on.

    A point is dominated by one that is as high in all scores and higher in one (K. Deb et al., A fast and
    elitist multiobjective genetic algorithm: NSGA-II, IEEE Transactions on Evolutionary Computation 6, 2002).

    Args:
        scores: of each point, one for each objective: higher is better.
    """
    if not scores:
        return []
    points = np.array(scores, dtype=float)
    dominated = np.array(  # (N, N): by the point of the row, that of the column
        [(point >= points).all(axis=1) & (point > points).any(axis=1) for point in points]
    )
    counts = dominated.sum(axis=0)
    numbers = np.zeros(len(points), dtype=int)
    while not numbers.all():
        front = (counts == 0) & (numbers == 0)
        numbers[front] = numbers.max() + 1
        counts -= dominated[front].sum(axis=0)
    return [int(number) for number in numbers]
