"""All statistics of a table of runs, group by group."""

from dataclasses import replace

from nnexp.analysis.comparisons import Sample, compare_samples
from nnexp.analysis.effects import main_effects
from nnexp.analysis.importance import importance_of
from nnexp.analysis.interaction import interaction_of
from nnexp.analysis.pareto import pareto_front
from nnexp.analysis.results import Analysis, GroupAnalysis, Importance, Interaction, MainEffect
from nnexp.analysis.run_group import RunGroup, comparable_groups
from nnexp.analysis.run_table import RunTable
from nnexp.analysis.settings import overlap_of, rank_runs, summarize_settings
from nnexp.analysis.text.caveats import find_caveats
from nnexp.analysis.text.conclusion import conclude


def analyze(table: RunTable) -> Analysis:
    """Compute the statistics of a table of runs: a group for each metric and data set, the largest first."""
    groups, rest = comparable_groups(table)
    return Analysis(tuple(map(analyze_group, groups)), tuple(rest))


def rank(table: RunTable) -> Analysis:
    """Compute only what a leaderboard shows: ranks, settings, comparisons, and the conclusions from them."""
    groups, rest = comparable_groups(table)
    return Analysis(tuple(_concluded(group, _ranked(group)) for group in groups), tuple(rest))


def analyze_group(group: RunGroup) -> GroupAnalysis:
    """Compute the statistics of runs that can be compared."""
    ranked = _ranked(group)
    effects = main_effects(group)
    importance = importance_of(group)
    analysis = replace(
        ranked,
        effects=effects,
        importance=importance,
        interaction=_interaction(group, importance, effects),
        pareto=pareto_front(group, ranked.settings),
    )
    return _concluded(group, analysis)


def _ranked(group: RunGroup) -> GroupAnalysis:
    settings = summarize_settings(group)
    samples = [Sample(setting.label, setting.values) for setting in settings if setting.values]
    return GroupAnalysis(
        title=group.title,
        metric=group.metric,
        direction=group.direction,
        objectives=group.objectives,
        keys=group.keys,
        labels=group.labels,
        repeats=group.repeats,
        leaderboard=rank_runs(group),
        settings=settings,
        comparisons=compare_samples(samples, overlap_of(group), group.resolution),
    )


def _concluded(group: RunGroup, analysis: GroupAnalysis) -> GroupAnalysis:
    return replace(
        analysis, conclusion=tuple(conclude(analysis)), caveats=tuple(find_caveats(group, analysis))
    )


def _interaction(
    group: RunGroup, importance: Importance | None, effects: tuple[MainEffect, ...]
) -> Interaction | None:
    """Return the interaction of the two most important params; by the size of their effect if unknown."""
    ranked = importance.params if importance is not None else effects
    keys = [each.key for each in ranked]
    return interaction_of(group, (keys[0], keys[1])) if len(keys) > 1 else None
