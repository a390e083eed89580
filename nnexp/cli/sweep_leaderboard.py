"""The leaderboard of a sweep on the terminal: its settings, the best first, and what the statistics say."""

import sys

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnexp.analysis import Analysis, GroupAnalysis
from nnexp.analysis.results import SettingSummary
from nnexp.analysis.text.wording import format_interval, rank_texts, result_text
from nnexp.cli.console import RunConsole
from nnexp.messages import plural
from nnexp.metrics.metric_info import format_metric

MAX_ROWS = 10
GAP = 2  # spaces between columns
FRONT, SETTING, INTERVAL, RUNS, FAILED, TIME = (
    "front",
    "setting",
    "95 % interval",
    "runs",
    "failed",
    "time/total",
)
NOTHING = {INTERVAL: {"-"}, RUNS: {"0", "1"}}  # cells of columns that are left out
PLAIN_WIDTH = 160  # where there is no terminal


def print_leaderboard(analysis: Analysis, console: Console | None = None) -> None:
    """Print a table for each group of runs that can be compared, with its conclusions."""
    console = console or RunConsole(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for group in (group for group in analysis.groups if group.best is not None):
        console.print()
        console.print(Text(f"{group.title}, {_what_is_shown(group)}", "bold"))
        console.print(leaderboard(group, console.width))
        if len(group.settings) > MAX_ROWS:
            console.print(f"and {plural(len(group.settings) - MAX_ROWS, 'more setting')}")
        for sentence in group.conclusion:
            console.print(Text(sentence), soft_wrap=not console.is_terminal)


def leaderboard(group: GroupAnalysis, width: int) -> Table:
    """Build the table of the best settings, of at most `width` characters.

    Columns that say nothing are left out, and those that there is no room for.
    """
    settings = group.settings[:MAX_ROWS]
    metric = group.metric
    test = f"test/{metric.rpartition('/')[2].removeprefix('val_')}"
    columns = {
        FRONT if group.objectives else "": rank_texts(group)[:MAX_ROWS],
        SETTING: [each.label for each in settings],
        metric: [],  # below: it may be one of the others, too
        **{name: [_mean(each, name) for each in settings] for name in group.objectives},
        INTERVAL: [format_interval(each.estimate, metric) if each.estimate else "-" for each in settings],
        RUNS: [str(each.estimate.n) if each.estimate else "0" for each in settings],
        FAILED: [str(each.failed or "") for each in settings],
        test: [_mean(each, test) for each in settings],
        TIME: [_mean(each, TIME) for each in settings],
    }
    columns[metric] = [result_text(each, metric) or "-" for each in settings]
    shown = {name: cells for name, cells in columns.items() if {*cells} - NOTHING.get(name, {"", "-"})}
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in shown.items()}
    for name in (INTERVAL, TIME, RUNS, FAILED, test):
        if (
            sum(widths.values()) + GAP * len(widths) > width
            and name in widths
            and name not in (metric, *group.objectives)
        ):
            del widths[name], shown[name]
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for name in shown:
        is_setting = name == SETTING
        table.add_column(Text(name), justify="left" if is_setting else "right", no_wrap=not is_setting)
    for cells in zip(*shown.values(), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _what_is_shown(group: GroupAnalysis) -> str:
    """Describe the numbers in words: "mean ± standard deviation of each setting"."""
    first = "; front 1: the Pareto front" if group.objectives else ""
    if any(each.estimate is not None and each.estimate.n > 1 for each in group.settings):
        return f"mean ± standard deviation of each setting{first}"
    return f"one run of each setting{first}"


def _mean(setting: SettingSummary, metric: str) -> str:
    mean = setting.mean(metric)
    return "" if mean is None else format_metric(metric, mean)
