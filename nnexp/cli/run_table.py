"""The table of `nnexp runs`: which columns to show, their values, sorting, formats and layout."""

import math
import re
import sys
import time
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnexp.messages import align, display_width, listed, plural
from nnexp.metrics.metric_info import RUN_METRICS, format_metric, metric_info
from nnexp.runs.columns import differing, value_of
from nnexp.runs.query import Run

RESULTS = tuple(name for name in RUN_METRICS if metric_info(name).is_score or metric_info(name).cost)
MAX_PARAMS = 4  # on a terminal
SHORT_ID = 8
GAP = 2  # spaces between columns
MIN_NAME, MAX_CELL = 14, 56  # characters, on a terminal
STYLES = {"FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan", "PRUNED": "yellow"}
NUMBER = re.compile(r"[-+]?[\d.]|$|nan|inf")


def default_columns(runs: Sequence[Run], sort: str = "") -> list[str]:
    """Return identity, results with the metric that they are sorted by, and the first params that differ."""
    sorting = [sort] if any(sort in run.metrics for run in runs) else []
    others = [name for name in RESULTS if any(name in run.metrics for run in runs)]
    results = [*dict.fromkeys([*sorting, *others])] if sort not in others else others
    return ["id", "name", "status", "started", *results, *differing(runs)[:MAX_PARAMS]]


def cell_text(run: Run, column: str) -> str:
    """Format a cell."""
    value = value_of(run, column)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value[:SHORT_ID] if column == "id" else " ".join(value.split())
    if column == "started":
        then = time.localtime(value)
        now = time.localtime()
        return time.strftime("%m-%d %H:%M" if then.tm_year == now.tm_year else "%Y-%m-%d %H:%M", then)
    return format_metric(column, value)


def print_table(runs: Sequence[Run], columns: Sequence[str], sort: str = "") -> None:
    """Print the runs; notes name columns that a terminal has no room for, and other params that differ."""
    names = list(columns) or default_columns(runs, sort)
    others = [] if columns else differing(runs)[MAX_PARAMS:]
    more = f"{plural(len(others), 'more param differs', 'more params differ')}: {listed(others)}"
    note = f"{more}; all columns: --csv, some: --columns"
    if sys.stdout.isatty():
        console = Console(highlight=False)
        table, hidden = fitted(runs, names, console.width, keep_order=bool(columns))
        console.print(table)
        if hidden:
            console.print(Text(f"no room for {', '.join(hidden)}; choose with --columns", "dim"))
        if others:
            console.print(Text(note, "dim"))
        return
    if others:
        print(f"nnexp: {note}", file=sys.stderr)
    rows = [names, *([cell_text(run, name) for name in names] for run in runs)]
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (align(cell, width) for cell, width in zip(row, widths, strict=True))
        print((" " * GAP).join(cells).rstrip())


def fitted(
    runs: Sequence[Run], names: Sequence[str], width: int, keep_order: bool = False
) -> tuple[Table, list[str]]:
    """Build a table of at most `width` characters; also returns the names of columns that are left out.

    The least informative columns are left out first; with `keep_order`, the last.
    """
    cells = {name: [cell_text(run, name) for run in runs] for name in names}
    heads = {name: re.sub(r"(?<=[/.])(?=[^/.]*$)", "\n", name) for name in names}  # long ones on two lines
    full = {name: max(map(cell_len, [*cells[name], *heads[name].split("\n")])) for name in names}
    widths = {name: min(full[name], MIN_NAME if name == "name" else MAX_CELL) for name in names}
    hidden: list[str] = []
    while (free := width - sum(widths.values()) - GAP * (len(widths) - 1)) < 0 and len(widths) > 1:
        hidden.insert(0, _least_informative([*widths], runs) if not keep_order else [*widths][-1])
        del widths[hidden[0]]
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for name, needed in widths.items():
        numeric = name not in ("id", "name") and all(map(NUMBER.match, cells[name]))
        table.add_column(
            Text(heads[name]),
            width=min(full[name], needed + max(free, 0)) if name == "name" else needed,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if numeric else "left",
        )
    for i in range(len(runs)):
        styles = (STYLES.get(cells[name][i], "") if name == "status" else "" for name in widths)
        table.add_row(*(Text(cells[name][i], style) for name, style in zip(widths, styles, strict=True)))
    return table, hidden


def _least_informative(names: list[str], runs: Sequence[Run]) -> str:
    same_status = ["status"] if len({value_of(run, "status") for run in runs}) == 1 else []
    order = ["time/total", *same_status, "started", *reversed(differing(runs)), "status", "name"]
    return next((name for name in order if name in names), names[-1])
