"""All statistics of a table of runs, group by group."""

from nnexp.analysis.results import Analysis, GroupAnalysis
from nnexp.analysis.run_group import RunGroup, comparable_groups
from nnexp.analysis.run_table import RunTable
from nnexp.analysis.settings import rank_runs, summarize_settings


def analyze(table: RunTable) -> Analysis:
    """Compute the statistics of a table of runs: a group for each metric and data set, the largest first."""
    groups, rest = comparable_groups(table)
    return Analysis(tuple(map(analyze_group, groups)), tuple(rest))


def analyze_group(group: RunGroup) -> GroupAnalysis:
    """Compute the statistics of runs that can be compared."""
    return GroupAnalysis(
        title=group.title,
        metric=group.metric,
        direction=group.direction,
        keys=group.keys,
        labels=group.labels,
        repeats=group.repeats,
        leaderboard=rank_runs(group),
        settings=summarize_settings(group),
    )
