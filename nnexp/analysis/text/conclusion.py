"""What the statistics of a group of runs say, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from nnexp.analysis.estimate import DIGITS as ROUNDING
from nnexp.analysis.results import Comparison, GroupAnalysis, MainEffect, SettingSummary
from nnexp.analysis.setting_names import DIGITS, as_number, format_value
from nnexp.analysis.text.wording import format_amount, format_estimate, format_interval, format_p
from nnexp.messages import listed, percent, plural
from nnexp.metrics.metric_info import format_metric

MAX_NAMES = 5
MIN_SHARE = 0.01  # of the variance that is worth a word
WORTH_SAVING = 0.8  # of the cost of the best setting


def conclude(analysis: GroupAnalysis) -> Iterator[str]:
    """Yield the conclusions, the best setting first."""
    best = analysis.best
    if best is None or best.estimate is None or best.best is None:
        return
    if analysis.front:
        count = f"{len(analysis.front):,} of {plural(len(analysis.settings), 'setting')}"
        others = "no other is as good in all objectives and better in one"
        yield f"{count} {'is' if len(analysis.front) == 1 else 'are'} on the Pareto front: {others}."
    yield f"{_best(analysis, best)}{_tested(analysis, best)}"
    equal = not_distinguishable(analysis)
    if any(comparison.p is not None for comparison in analysis.comparisons):
        yield _compared(analysis, best, equal)
    yield from _cheaper(analysis, best, equal)
    for effect in analysis.effects:
        if len(analysis.effects) > 1 and (sentence := describe_effect(effect, analysis)):
            yield sentence
    yield from _importance(analysis)
    interaction = analysis.interaction
    if interaction is not None and interaction.p is not None and interaction.p < 0.05:
        first, second = interaction.labels
        yield f"The effect of {first} depends on {second} (F-test, p = {format_p(interaction.p)})."
    yield from _at_an_end(analysis, best)


def repeats_noun(repeats: Sequence[str]) -> str:
    """Return what the repeats of a setting are: seed, fold, or repeat where both differ."""
    nouns: dict[tuple[str, ...], str] = {("seed",): "seed", ("data.fold",): "fold"}
    return nouns.get(tuple(repeats), "repeat" if repeats else "run")


def compared_to(setting: SettingSummary, comparisons: Sequence[Comparison]) -> dict[str, Comparison]:
    """Return the comparisons that a setting takes a side in, by the label of the other."""
    own = [each for each in comparisons if setting.label in (each.a, each.b)]
    return {each.b if each.a == setting.label else each.a: each for each in own}


def not_distinguishable(analysis: GroupAnalysis) -> list[SettingSummary]:
    """Return the settings whose difference from the best one may be chance, as far as it was tested."""
    best = analysis.best
    if best is None:
        return []
    to_best = compared_to(best, analysis.comparisons)
    return [
        setting
        for setting in analysis.settings
        if (comparison := to_best.get(setting.label))
        and comparison.p is not None
        and not comparison.is_significant
    ]


def describe_comparison(comparison: Comparison, metric: str, sign: int) -> str:
    """Describe a comparison in a sentence without its full stop.

    Args:
        comparison: of two settings, or two levels.
        metric: its name.
        sign: 1 where higher values are better, else -1.
    """
    difference = comparison.difference
    a_is_better = sign * difference.mean < 0
    better, worse = (comparison.a, comparison.b) if a_is_better else (comparison.b, comparison.a)
    amount = format_amount(difference.mean, metric)
    if comparison.adjusted_p is None:
        return f"{better} is ahead of {worse} by {amount}; {comparison.note}"
    p = f"p = {format_p(comparison.adjusted_p)}"
    if not comparison.is_significant:
        return f"{better} is ahead of {worse} by {amount}, which may be chance ({p})"
    return f"{better} is better than {worse} by {amount} ({p})"


def describe_effect(effect: MainEffect, analysis: GroupAnalysis) -> str:
    """Describe which differences of a param's levels are significant; nothing if none is."""
    sign = 1 if analysis.direction == "higher" else -1
    best = max(effect.levels, key=lambda level: sign * level.estimate.mean)
    significant = [
        each for each in effect.comparisons if each.is_significant and best.value in (each.a, each.b)
    ]
    if not significant:
        return ""
    significant.sort(key=lambda each: -abs(each.difference.mean))
    shown = [describe_comparison(each, analysis.metric, sign) for each in significant[:2]]
    others = len(effect.levels) - 1 - len(significant)
    rest = f"; {plural(others, 'other value')} not significantly worse" if others else ""
    return f"{effect.label}, averaged over the other params: {'; '.join(shown)}{rest}."


def _best(analysis: GroupAnalysis, best: SettingSummary) -> str:
    assert best.estimate is not None
    value = format_estimate(best.estimate, analysis.metric)
    n = best.estimate.n
    over = f" over {plural(n, repeats_noun(analysis.repeats))}" if n > 1 else ""
    text = format_interval(best.estimate, analysis.metric)
    interval = f" (95 % interval {text})" if best.estimate.low is not None else ""
    result = f"{analysis.metric} {value}{over}{interval}"
    if len(analysis.settings) == 1:
        return f"There is one setting: {result}"
    equal = [each.label for each in analysis.settings if each is not best and _has_mean_of(best, each)]
    together = f", together with {listed(equal, MAX_NAMES)}" if equal else ""
    if analysis.front:
        settings = plural(len(analysis.settings), "setting")
        text = f"{value}{over}{interval}"
        return f"{best.label} has the best {analysis.metric} of {settings}{together}: {text}"
    return f"{best.label} is the best of {len(analysis.settings):,} settings{together}: {result}"


def _has_mean_of(best: SettingSummary, setting: SettingSummary) -> bool:
    if best.estimate is None or setting.estimate is None:
        return False
    return isclose(best.estimate.mean, setting.estimate.mean, rel_tol=10**-ROUNDING)


def _tested(analysis: GroupAnalysis, best: SettingSummary) -> str:
    """Add the test score of the setting, which is not biased by the choice of the best."""
    name = analysis.metric.rpartition("/")[2].removeprefix("val_")
    test = f"test/{name}"
    value = best.mean(test)
    if test == analysis.metric or value is None:
        return "."
    return f"; {test} {format_metric(test, value)}."


def _compared(analysis: GroupAnalysis, best: SettingSummary, equal: Sequence[SettingSummary]) -> str:
    to_best = compared_to(best, analysis.comparisons)
    better = sum(each.is_significant for each in to_best.values())
    others = sum(each.estimate is not None for each in analysis.settings) - 1
    total = plural(analysis.pairs, "comparison")
    tests = " and ".join(sorted({each.test for each in to_best.values() if each.test is not None}))
    if not tests:
        return f"{best.label} has one result: whether it is significantly better is not tested."
    how = f"{tests}, corrected for {total}" if analysis.pairs > 1 else tests
    names = listed([setting.label for setting in equal], MAX_NAMES)
    if not better:
        return f"It is not significantly better than {'any' if others > 1 else 'the'} other ({how})."
    of_many = f"{better} of the {others:,} others" if better < others else f"all {others:,} others"
    whom = of_many if others > 1 else "the other"
    sentence = f"It is significantly better than {whom} ({how})"
    return f"{sentence}; not than {names}." if equal else f"{sentence}."


def _cheaper(analysis: GroupAnalysis, best: SettingSummary, equal: Sequence[SettingSummary]) -> Iterator[str]:
    """Name the cheapest setting that is about as good as the best, if it saves a fifth or more.

    About as good: not significantly worse, and no further away than the larger of both standard deviations.
    """
    if analysis.pareto is None:
        return
    costs: Mapping[str, float] = {point.label: point.cost for point in analysis.pareto.points}
    candidates = [each.label for each in equal if each.label in costs and _is_close(each, best)]
    if candidates and best.label in costs:
        cheapest = min(candidates, key=costs.__getitem__)
        if costs[cheapest] <= WORTH_SAVING * costs[best.label]:
            pair = [format_metric(analysis.pareto.cost, costs[label]) for label in (cheapest, best.label)]
            yield f"{cheapest} is about as good, and cheaper: {pair[0]} in place of {pair[1]}."


def _is_close(setting: SettingSummary, best: SettingSummary) -> bool:
    if setting.estimate is None or best.estimate is None:
        return False
    distance = abs(setting.estimate.mean - best.estimate.mean)
    return distance <= max(setting.estimate.std or 0.0, best.estimate.std or 0.0)


def _importance(analysis: GroupAnalysis) -> Iterator[str]:
    importance = analysis.importance
    if importance is None or len(importance.params) + ((importance.noise or 0.0) >= MIN_SHARE) < 2:
        return  # of one param alone, it would be all
    shares = [(each.label, each.share) for each in (*importance.params, *importance.interactions)]
    if importance.noise is not None:
        shares.append((f"the {repeats_noun(analysis.repeats)}", importance.noise))
    shares = [pair for pair in sorted(shares, key=lambda pair: -pair[1]) if pair[1] >= MIN_SHARE]
    if shares:
        texts = [f"{label} {percent(share, 0)}" for label, share in shares[:MAX_NAMES]]
        yield f"Of the variance of {analysis.metric}, {', '.join(texts)} ({importance.method})."


def _at_an_end(analysis: GroupAnalysis, best: SettingSummary) -> Iterator[str]:
    """Point out params whose best value is the smallest or largest number that was tried."""
    for key, text in best.params.items():
        texts = {setting.params[key] for setting in analysis.settings if key in setting.params}
        numbers = [value for each in texts if (value := as_number(each)) is not None]
        value = as_number(text)
        if value is None or len(numbers) < max(3, len(texts)) or _has_no_effect(analysis, key):
            continue
        if value in (min(numbers), max(numbers)):
            end, more = ("smallest", "smaller") if value == min(numbers) else ("largest", "larger")
            name = f"{analysis.labels[key]}={format_value(text, DIGITS)}"
            yield f"{name} is the {end} value tried: a {more} one may be better."


def _has_no_effect(analysis: GroupAnalysis, key: str) -> bool:
    """Return whether the effect of a param was tested, and none of its differences is significant."""
    comparisons = [each for effect in analysis.effects if effect.key == key for each in effect.comparisons]
    tested = [each for each in comparisons if each.test is not None]
    return bool(tested) and not any(each.is_significant for each in tested)
