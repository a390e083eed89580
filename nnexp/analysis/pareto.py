"""The Pareto front: settings that no other one beats in both cost and score."""

from statistics import fmean

from nnexp.analysis.results import Pareto, ParetoPoint, SettingSummary
from nnexp.analysis.run_group import RunGroup

COSTS = ("time/total", "seconds")


def pareto_front(group: RunGroup, settings: tuple[SettingSummary, ...], cost: str = "") -> Pareto | None:
    """Compare mean costs of settings with their mean scores, cheapest first; None: no costs but the score.

    Of several objectives, the cost is the first one of which lower is better.

    Args:
        group: of the runs.
        settings: of the group.
        cost: a metric of which lower is better; empty: the time of training.
    """
    known = (each for each in COSTS if any(_costs(group, setting, each) for setting in settings))
    lower = (name for name, better in [*group.objectives.items()][1:] if better == "lower")
    name = cost or next(lower, "") or next(known, "")
    if name == group.metric:
        return None
    points = []
    for setting in settings:
        costs = _costs(group, setting, name)
        if setting.estimate is not None and costs:
            points.append((fmean(costs), setting.estimate.mean, setting.label))
    if not points:
        return None
    points.sort(key=lambda point: (point[0], -group.sign * point[1]))
    optimal = set()
    best = -float("inf")
    for index, (_, score, _) in enumerate(points):
        if group.sign * score > best:
            best = group.sign * score
            optimal.add(index)
    listed = (
        ParetoPoint(point[2], point[0], point[1], index in optimal) for index, point in enumerate(points)
    )
    return Pareto(name, group.metric, tuple(listed))


def _costs(group: RunGroup, setting: SettingSummary, name: str) -> list[float]:
    """Return the cost of each run of a setting that has a result."""
    rows = [row for row in setting.rows if group.value(row) is not None]
    costs = [row.seconds if name == "seconds" else row.value(name) for row in rows]
    return [cost for cost in costs if cost is not None]
