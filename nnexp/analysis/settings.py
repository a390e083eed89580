"""Runs aggregated by setting: mean, standard deviation and interval over seeds and folds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from nnexp.analysis.estimate import estimate
from nnexp.analysis.results import LeaderboardRow, SettingSummary
from nnexp.analysis.run_group import RunGroup
from nnexp.analysis.run_table import RunRow
from nnexp.metrics.objectives import front_numbers


def rank_runs(group: RunGroup) -> tuple[LeaderboardRow, ...]:
    """Sort the runs of a group, best first; runs of equal value share a rank."""
    values = [group.value(row) for row in group.rows]
    finished = [value for value in values if value is not None]
    places: dict[float, int] = {}
    for place, result in enumerate(sorted(finished, reverse=group.direction == "higher"), 1):
        places.setdefault(result, place)
    ranks = [None if value is None else places[value] for value in values]
    if group.objectives:
        ranks = fronts([[row.value(name) for name in group.objectives] for row in group.rows], group)
    rows = [
        LeaderboardRow(rank, row, group.label(row), value)
        for rank, row, value in zip(ranks, group.rows, values, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: _order(row.rank, row.value, group.sign)))


def fronts(values: Sequence[Sequence[float | None]], group: RunGroup) -> list[int | None]:
    """Return which front each point is on, 1: the Pareto front; None: it lacks a value of an objective."""
    signs = [1 if better == "higher" else -1 for better in group.objectives.values()]
    scores = {
        index: [sign * value for sign, value in zip(signs, point, strict=True) if value is not None]
        for index, point in enumerate(values)
        if None not in point
    }
    numbers = dict(zip(scores, front_numbers([*scores.values()]), strict=True))
    return [numbers.get(index) for index in range(len(values))]


def summarize_settings(group: RunGroup) -> tuple[SettingSummary, ...]:
    """Aggregate the runs of each setting over their repeats; the best mean comes first.

    Runs of one setting, seed and fold are one repeat: their mean counts once.
    """
    members: dict[tuple[tuple[str, str], ...], list[RunRow]] = {}
    for row in group.rows:
        members.setdefault(tuple(group.setting(row).items()), []).append(row)
    summaries = [_summary(group, dict(params), rows) for params, rows in members.items()]
    if group.objectives:
        means = [[summary.mean(name) for name in group.objectives] for summary in summaries]
        numbers = fronts(means, group)
        summaries = [replace(each, front=front) for each, front in zip(summaries, numbers, strict=True)]
    return tuple(sorted(summaries, key=lambda each: _order(each.front, mean_of(each), group.sign)))


def mean_of(summary: SettingSummary) -> float | None:
    """Return the mean that a setting is compared by; None: it has no result."""
    return None if summary.estimate is None else summary.estimate.mean


def _order(rank: int | None, value: float | None, sign: int) -> tuple[float, float]:
    """Return what is sorted by: rank or front, then the value; without them last."""
    last = float("inf")
    return last if rank is None else rank, last if value is None else -sign * value


def _summary(group: RunGroup, params: Mapping[str, str], rows: Sequence[RunRow]) -> SettingSummary:
    repeats: dict[tuple[str, ...], list[float]] = {}
    results: list[tuple[float, RunRow]] = []
    for row in rows:
        value = group.value(row)
        if value is not None:
            repeat = group.repeat(row) if group.has_seeds else (str(id(row)),)
            repeats.setdefault(repeat, []).append(value)
            results.append((value, row))
    values = {repeat: fmean(group) for repeat, group in repeats.items()}
    pruned = tuple(row.pruned for row in rows if row.pruned)
    best = max(results, key=lambda result: group.sign * result[0])[1] if results else None
    return SettingSummary(
        label=group.label(rows[0]),
        params=params,
        rows=tuple(rows),
        values=values,
        estimate=estimate(list(values.values()), overlap_of(group), group.resolution) if values else None,
        best=best,
        failed=len(rows) - len(results) - len(pruned),
        pruned=pruned,
    )


def overlap_of(group: RunGroup) -> float:
    """Return how much repeats depend on each other: folds by the ratio of validation to training examples."""
    if "data.fold" not in group.repeats:
        return 0.0
    folds = [int(text) for row in group.rows if (text := row.params.get("data.folds", "")).isdecimal()]
    return 1 / (min(folds) - 1) if folds and min(folds) > 1 else 0.0
