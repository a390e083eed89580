"""Runs aggregated by setting: mean, standard deviation and interval over seeds and folds."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from nnexp.analysis.estimate import estimate
from nnexp.analysis.results import LeaderboardRow, SettingSummary
from nnexp.analysis.run_group import RunGroup
from nnexp.analysis.run_table import RunRow


def rank_runs(group: RunGroup) -> tuple[LeaderboardRow, ...]:
    """Sort the runs of a group, best first; runs of equal value share a rank."""
    values = {id(row): group.value(row) for row in group.rows}
    finished = [value for value in values.values() if value is not None]
    ranks: dict[float, int] = {}
    for place, result in enumerate(sorted(finished, reverse=group.direction == "higher"), 1):
        ranks.setdefault(result, place)
    rows = []
    for row in group.rows:
        value = values[id(row)]
        rows.append(LeaderboardRow(None if value is None else ranks[value], row, group.label(row), value))
    return tuple(sorted(rows, key=lambda row: len(rows) + 1 if row.rank is None else row.rank))


def summarize_settings(group: RunGroup) -> tuple[SettingSummary, ...]:
    """Aggregate the runs of each setting over their repeats; the best mean comes first.

    Runs of one setting, seed and fold are one repeat: their mean counts once.
    """
    members: dict[tuple[tuple[str, str], ...], list[RunRow]] = {}
    for row in group.rows:
        members.setdefault(tuple(group.setting(row).items()), []).append(row)
    summaries = [_summary(group, dict(params), rows) for params, rows in members.items()]
    return tuple(sorted(summaries, key=lambda summary: _order(summary, group.sign)))


def _order(summary: SettingSummary, sign: int) -> float:
    return float("inf") if summary.estimate is None else -sign * summary.estimate.mean


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
