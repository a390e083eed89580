"""The table that `nnexp runs` prints: as wide as the terminal, or plain text of any width."""

import re
import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnexp.cli.run_table.columns import cell_text, default_columns, differing
from nnexp.runs.query import Run

GAP = 2  # spaces between columns
MIN_NAME, MAX_CELL = 14, 56  # characters, on a terminal
STYLES = {"FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan"}
NUMBER = re.compile(r"[-+]?[\d.]|$|nan|inf")


def print_table(runs: Sequence[Run], columns: Sequence[str]) -> None:
    """Print the runs; columns that do not fit on a terminal are left out with a note."""
    names = list(columns) or default_columns(runs)
    if sys.stdout.isatty():
        console = Console(highlight=False)
        table, hidden = fitted(runs, names, console.width, keep_order=bool(columns))
        console.print(table)
        if hidden:
            console.print(Text(f"no room for {', '.join(hidden)}; choose with --columns", "dim"))
        return
    rows = [names, *([cell_text(run, name) for name in names] for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
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
    for i, run in enumerate(runs):
        styles = (STYLES.get(run.status, "") if name == "status" else "" for name in widths)
        table.add_row(*(Text(cells[name][i], style) for name, style in zip(widths, styles, strict=True)))
    return table, hidden


def _least_informative(names: list[str], runs: Sequence[Run]) -> str:
    same_status = ["status"] if len({run.status for run in runs}) == 1 else []
    order = ["time/total", *same_status, "started", *reversed(differing(runs)), "status", "name"]
    return next((name for name in order if name in names), names[-1])
