"""The tables of the page on runs that can be compared, as formatted texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnexp.analysis.results import Comparison, GroupAnalysis, LeaderboardRow, SettingSummary
from nnexp.analysis.run_table import RunRow
from nnexp.analysis.setting_names import format_value
from nnexp.analysis.text.wording import format_difference, format_interval, format_p, rank_texts, result_text
from nnexp.messages import joined, plural
from nnexp.metrics.metric_info import BEST, SPLIT_METRICS, TEST, format_metric
from nnexp.plots.style import COLORS

TIME = "time/total"
MAX_COMPARISONS = 20
SHORT_ID = 8
MAX_COLUMNS = 4  # of params and these metrics
DIGITS = 4  # of params in tables
LEADERBOARD_NOTE = "The mean of {metric} over the seeds and folds of each setting{repeated}."
FRONT_NOTE = (
    " Front 1 is the Pareto front: no other setting is as good in all objectives and better in one; front 2 "
    "is that of the others, and so on."
)
REPEATED_NOTE = (
    " ± their standard deviation (n - 1); of such intervals (Student's t), 95 % hold the true mean"
)
COMPARISONS_NOTE = (
    "The best setting against the others: {test}; p is the probability of a difference at least so large "
    "between equally good settings, corrected by Holm's method for {n} of two settings."
)


@dataclass(frozen=True)
class SettingRow:
    """A row of the leaderboard."""

    color: str  # of its learning curves; empty: it has none
    rank: str
    params: dict[str, str]
    result: str
    interval: str
    runs: int
    failed: int
    more: list[str]
    time: str


@dataclass(frozen=True)
class RunLine:
    """A row of the table of runs."""

    rank: int | None
    name: str
    setting: str  # and its seed or fold, where names do not say it
    id: str
    status: str
    value: str
    more: list[str]
    time: str


@dataclass(frozen=True)
class ComparisonRow:
    """A row of a table of differences."""

    param: str
    a: str
    b: str
    difference: str
    p: str
    significant: str


def more_metrics(group: GroupAnalysis) -> list[str]:
    """Return the other main metrics that any run has, of validation and test, and the test of the group's."""
    others = [name for name in group.objectives if name != group.metric]
    logged = {name for each in group.leaderboard for name in each.row.metrics}
    own = f"{TEST}{group.metric.rpartition('/')[2].removeprefix('val_')}"
    main = (own, *(f"{when}{name}" for name in SPLIT_METRICS for when in (BEST, TEST)))
    names = [name for name in dict.fromkeys(main) if name in logged and name not in (group.metric, *others)]
    return [*others, *names[: max(1, MAX_COLUMNS - len(group.keys) - len(others))]]


def setting_rows(group: GroupAnalysis, more: Sequence[str]) -> list[SettingRow]:
    """Return the leaderboard of settings, with `more` metrics."""
    colors = [*COLORS, *[""] * len(group.settings)]
    return [
        SettingRow(
            color=color,
            rank=rank,
            params={key: format_value(text, DIGITS) for key, text in setting.params.items()},
            result=result_text(setting, group.metric),
            interval=format_interval(setting.estimate, group.metric) if setting.estimate else "-",
            runs=len(setting.values),
            failed=setting.failed,
            more=[_mean(setting, name) for name in more],
            time=_mean(setting, TIME),
        )
        for setting, color, rank in zip(group.settings, colors, rank_texts(group), strict=False)
    ]


def run_lines(group: GroupAnalysis, more: Sequence[str]) -> list[RunLine]:
    """Return the table of runs, best first, with `more` metrics."""
    names = {each.row.name for each in group.leaderboard}
    has_names = len(names) == len(group.leaderboard)
    return [_run_line(each, group, more, has_names) for each in group.leaderboard]


def best_comparisons(group: GroupAnalysis) -> list[ComparisonRow]:
    """Return the comparisons of the best setting with the next ones; none where there are no tests."""
    if all(each.p is None for each in group.comparisons):
        return []
    best = group.best.label if group.best else ""
    concerned = [each for each in group.comparisons if best in (each.a, each.b)]
    return comparison_rows(concerned[:MAX_COMPARISONS], group.metric)


def effect_comparisons(group: GroupAnalysis) -> list[ComparisonRow]:
    """Return the comparisons of values of each param."""
    rows = []
    for effect in group.effects:
        rows += comparison_rows(effect.comparisons[:MAX_COMPARISONS], group.metric, effect.label)
    return rows


def comparison_rows(comparisons: Sequence[Comparison], metric: str, param: str = "") -> list[ComparisonRow]:
    """Format comparisons."""
    return [
        ComparisonRow(
            param=param,
            a=each.a,
            b=each.b,
            difference=format_difference(each.difference, metric),
            p="–" if each.adjusted_p is None else format_p(each.adjusted_p),
            significant=each.note or ("yes" if each.is_significant else "no"),
        )
        for each in comparisons
    ]


def leaderboard_note(group: GroupAnalysis) -> str:
    """Explain the numbers of the leaderboard."""
    repeated = REPEATED_NOTE if is_repeated(group) else ""
    optimized = joined([*group.objectives]) or group.metric
    note = LEADERBOARD_NOTE.format(metric=optimized, repeated=repeated)
    return f"{note}{FRONT_NOTE}" if group.objectives else note


def comparisons_note(group: GroupAnalysis) -> str:
    """Explain the numbers of the comparisons."""
    tests = dict.fromkeys(each.test for each in group.comparisons if each.test)
    return COMPARISONS_NOTE.format(test=" or ".join(tests) or "no test", n=plural(group.pairs, "comparison"))


def is_repeated(group: GroupAnalysis) -> bool:
    """Return whether any setting has several seeds or folds."""
    return any(len(setting.values) > 1 for setting in group.settings)


def _run_line(each: LeaderboardRow, group: GroupAnalysis, more: Sequence[str], has_names: bool) -> RunLine:
    row = each.row
    repeats = [f"{key.rpartition('.')[2]}={row.params[key]}" for key in group.repeats if key in row.params]
    return RunLine(
        rank=each.rank,
        name=row.name,
        setting="" if has_names else " ".join([each.setting, *repeats]),
        id=row.id[:SHORT_ID] if len(row.id) == 32 else row.id.rpartition("/")[2],
        status=row.end,
        value="" if each.value is None else format_metric(group.metric, each.value),
        more=[_value(row, name) for name in more],
        time=_value(row, TIME),
    )


def _value(row: RunRow, name: str) -> str:
    value = row.value(name)
    return "" if value is None else format_metric(name, value)


def _mean(setting: SettingSummary, name: str) -> str:
    mean = setting.mean(name)
    return "" if mean is None else format_metric(name, mean)
