"""The leaderboard as CSV: a row for each setting, or for each run, with all digits."""

import csv
import io
from collections.abc import Iterable, Sequence

from nnexp.analysis.results import Analysis, GroupAnalysis
from nnexp.analysis.text.conclusion import compared_to
from nnexp.metrics.metric_info import metric_info

Cell = str | float | int | None
Row = dict[str, Cell]
RESULTS = ("best/", "test/", "time/total", "parameters")  # of all metrics the final ones


def settings_csv(analysis: Analysis) -> str:
    """Write the settings of all groups, best first: params, mean, std, interval, n, p to the best."""
    return _csv([row for group in analysis.groups for row in _setting_rows(group)])


def runs_csv(analysis: Analysis) -> str:
    """Write the runs of all groups, best first, then those without a group: params and final metrics."""
    rows = [row for group in analysis.groups for row in _run_rows(group)]
    rest: list[Row] = [
        {"group": None, "rank": None, "name": row.name, "id": row.id, "status": row.status}
        for row in analysis.without_result
    ]
    return _csv([*rows, *rest])


def _setting_rows(group: GroupAnalysis) -> Iterable[Row]:
    metrics = _results(group)
    to_best = compared_to(group.best, group.comparisons) if group.best is not None else {}
    bound = metric_info(group.metric).bound
    for place, setting in enumerate(group.settings, 1):
        rank = setting.front if group.objectives else place
        estimate = setting.estimate
        comparison = to_best.get(setting.label)
        yield {
            "group": group.title,
            "rank": rank if estimate is not None else None,
            "setting": setting.label,
            **{key: setting.params.get(key) for key in group.keys},
            "metric": group.metric,
            "mean": estimate.mean if estimate is not None else None,
            "std": estimate.std if estimate is not None else None,
            "low": bound(estimate.low) if estimate is not None and estimate.low is not None else None,
            "high": bound(estimate.high) if estimate is not None and estimate.high is not None else None,
            "n": len(setting.values),
            "failed": setting.failed,
            **({"pruned": len(setting.pruned)} if setting.pruned else {}),
            "p_to_best": comparison.adjusted_p if comparison is not None else None,
            "best_run": setting.best.id or setting.best.name if setting.best is not None else None,
            **{name: setting.mean(name) for name in metrics if name != group.metric},
        }


def _run_rows(group: GroupAnalysis) -> Iterable[Row]:
    metrics = _results(group)
    for each in group.leaderboard:
        row = each.row
        yield {
            "group": group.title,
            "rank": each.rank,
            "name": row.name,
            "id": row.id,
            "status": row.status,
            **({"pruned": row.pruned} if row.pruned else {}),
            "setting": each.setting,
            **{key: row.params.get(key) for key in (*group.keys, *group.repeats)},
            **{name: row.metrics.get(name) for name in metrics},
            "seconds": row.seconds,
        }


def _results(group: GroupAnalysis) -> list[str]:
    """Return the final metrics that any run of a group has, the one that is compared first."""
    names = dict.fromkeys([group.metric, *(name for each in group.leaderboard for name in each.row.metrics)])
    return [name for name in names if name == group.metric or name.startswith(RESULTS)]


def _csv(rows: Sequence[Row]) -> str:
    """Write rows with the columns of all of them; what a row lacks is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
