"""What limits the statistics of a group of runs, in sentences, with the remedy where there is one."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import sqrt

from nnexp.analysis.estimate import LEVEL, t_quantile
from nnexp.analysis.results import GroupAnalysis
from nnexp.analysis.run_group import RunGroup
from nnexp.analysis.settings import overlap_of
from nnexp.analysis.text.conclusion import MAX_NAMES, repeats_noun
from nnexp.messages import listed, plural

FEW_REPEATS = 5
MAX_TIED = 4  # settings without a value in common that were hardly drawn at random
SPLIT_KEYS = ("data.validation", "data.folds", "data.stratify", "data.test", "data.split", "data.group")
"""Params that decide which examples the score is of."""
NO_REPEATS = (
    "Each setting was trained with one seed: the difference of two may be chance, and is not tested. "
    "Several seeds, such as 'seed=range(5)', show what chance does."
)


def find_caveats(group: RunGroup, analysis: GroupAnalysis) -> Iterator[str]:
    """Yield what limits the conclusions, the most serious first."""
    yield from _of_the_metric(group)
    yield from _of_failures(analysis)
    yield from _of_repeats(group, analysis)
    yield from _of_params(group)
    if analysis.importance is not None and analysis.importance.note:
        yield f"Importance by {analysis.importance.method}: {analysis.importance.note}."
    if group.metric.startswith("best/val_") and len(analysis.settings) > 1:
        settings = plural(len(analysis.settings), "setting")
        yield f"The best of {settings} was chosen by its validation score, which is therefore optimistic."


def _of_the_metric(group: RunGroup) -> Iterator[str]:
    if group.metric.startswith("test/"):
        yield "Settings are compared by the test set: the best score is optimistic, and no data checks it."
    if group.metric.startswith("train/"):
        yield "Settings are compared by the training set: overfitting is not seen."
    if "loss" in group.keys and group.metric.endswith("loss"):
        yield "Different losses are compared by their values, which have different units: compare a score."
    if len({row.code for row in group.rows if row.code}) > 1:
        yield "The runs were trained by different versions of the code: a difference may come from it."
    if differing := [group.labels[key] for key in SPLIT_KEYS if key in group.keys]:
        yield f"{listed(differing)}: the settings are scored on different examples."


def _of_failures(analysis: GroupAnalysis) -> Iterator[str]:
    if pruned := sum(len(setting.pruned) for setting in analysis.settings):
        yield f"Left out: {plural(pruned, 'run')} that the search has pruned: their training is not complete."
    failing = [setting for setting in analysis.settings if setting.failed]
    if failing:
        count = sum(setting.failed for setting in failing)
        names = listed([setting.label for setting in failing], MAX_NAMES)
        of = f" ({names})" if len(analysis.settings) > 1 else ""
        yield f"Left out: {plural(count, 'run')} without a result{of}."
    if any(setting.failed and setting.estimate is not None for setting in failing):
        yield "The mean of a setting of which some runs failed is that of the others: it may be too good."


def _of_repeats(group: RunGroup, analysis: GroupAnalysis) -> Iterator[str]:
    sizes = sorted({setting.estimate.n for setting in analysis.settings if setting.estimate is not None})
    if not sizes:
        return
    noun = repeats_noun(group.repeats)
    if sizes[-1] == 1:
        if len(analysis.settings) > 1:
            yield NO_REPEATS
        return
    if len(sizes) > 1:
        yield f"Settings have {sizes[0]} to {plural(sizes[-1], noun)}: their intervals differ in width."
    fewest = min(size for size in sizes if size > 1)
    if fewest < FEW_REPEATS:
        yield f"Intervals of {plural(fewest, noun)} are wide, and assume normally distributed results."
        yield from _detectable(analysis, noun, overlap_of(group))
    if "data.fold" in group.repeats:
        yield "Folds share training examples: intervals and tests hold Nadeau and Bengio's correction."
    elif "seed" in group.repeats:
        yield "Intervals and tests are about other seeds on the same data, not about other data."
    tests = {comparison.test for comparison in analysis.comparisons}
    if "Welch's t-test" in tests:
        yield "Settings without common seeds are compared by Welch's test, which needs more runs."
    if any(comparison.test for comparison in analysis.comparisons):
        yield "The interval of a difference is its own; the p-values are corrected for all comparisons."
    without = [setting.failed + len(setting.pruned) + len(setting.values) for setting in analysis.settings]
    repeated = sum(len(setting.rows) for setting in analysis.settings) - sum(without)
    if repeated:
        yield f"{plural(repeated, 'run')} of the same setting and {noun} as others: their mean counts once."


def _detectable(analysis: GroupAnalysis, noun: str, overlap: float) -> Iterator[str]:
    """State which differences so few pairs can show: of so many of their standard deviations."""
    sizes = {each.difference.n for each in analysis.comparisons if each.test == "paired t-test"}
    m = analysis.pairs
    if sizes and min(sizes) < FEW_REPEATS:
        n = min(sizes)
        size = t_quantile(n - 1, LEVEL / m) * sqrt(1 / n + overlap)
        tests = f"{plural(n, noun)} and {plural(m, 'comparison')}"
        times = f"about {size:{'.2g' if size < 10 else ',.0f'}} times its standard deviation"
        yield f"With {tests}, a difference must be {times} to be significant: more {noun}s show smaller ones."


def _of_params(group: RunGroup) -> Iterator[str]:
    settings = {tuple(group.setting(row).items()): row for row in group.rows}.values()
    columns = {key: [row.params.get(key) for row in settings] for key in group.keys}
    for one, other in combinations(group.keys, 2):
        if _vary_together(columns[one], columns[other]):
            labels = f"{group.labels[one]} and {group.labels[other]}"
            yield f"{labels} vary together: their effects cannot be separated."


def _vary_together(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    """Return whether each value of one goes with one of the other; of drawn numbers each occurs only once."""
    pairs = {*zip(one, other, strict=True)}
    are_drawn = len(pairs) == len(one) > MAX_TIED
    return len(pairs) == len({*one}) == len({*other}) and not are_drawn
