"""The table that `nnexp runs` prints: as wide as the terminal, or plain text as wide as it must be."""

import re
import sys
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from nnexp.cli.run_table.columns import default, differing, text
from nnexp.runs.query import Run

GAP = 2  # spaces between columns
SHORTEST_NAME, LONGEST_CELL = 14, 56  # characters, on a terminal
STYLES = {"FAILED": "red", "KILLED": "yellow", "RUNNING": "cyan"}


def table(runs: Sequence[Run], columns: Sequence[str]) -> None:
    """On a terminal as wide as that is; elsewhere as wide as it must be, as plain text."""
    names = list(columns) or default(runs)
    if not sys.stdout.isatty():
        rows = [names, *([text(run, name) for name in names] for run in runs)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(names))]
        for row in rows:
            print(
                (" " * GAP).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        return
    console = Console(highlight=False)
    console.print(drawn(runs, names, console.width, bool(columns)))


def drawn(runs: Sequence[Run], columns: Sequence[str], room: int, wanted: bool = False) -> Group:
    """The table in so many characters: names are cut as far as they stay different, then columns are left out, and it is said which.

    Columns that somebody wanted are left out from the last; of others the one that tells least.
    """
    cells = {name: [_cut(text(run, name)) for run in runs] for name in columns}
    heads = {
        name: re.sub(r"(?<=[/.])(?=[^/.]*$)", "\n", name) for name in columns
    }  # a long name stands on two lines
    widths = {name: max(map(cell_len, [*cells[name], *heads[name].split("\n")])) for name in columns}
    if "name" in widths and sum(widths.values()) + GAP * (len(widths) - 1) > room:
        cells["name"] = _without_common_words(cells["name"])
        widths["name"] = max(map(cell_len, [*cells["name"], "name"]))
    shortest = _shortest(cells.get("name", []), room // 2)
    left_out: list[str] = []
    while (over := sum(widths.values()) + GAP * (len(widths) - 1) - room) > 0 and len(widths) > 1:
        if widths.get("name", 0) > shortest:
            widths["name"] = max(shortest, widths["name"] - over)
        else:
            left_out.append(_least(list(widths), runs, wanted))
            del widths[left_out[-1]]
    if "name" in widths:  # what a column left may be more than was needed
        widths["name"] = min(widths["name"] - min(over, 0), max(map(cell_len, [*cells["name"], "name"])))
    drawing = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for name, width in widths.items():
        numbers = name not in ("id", "name") and all(
            re.match(r"[-+]?[\d.]|$|nan|inf", cell) for cell in cells[name]
        )
        drawing.add_column(
            Text(heads[name]), no_wrap=True, width=width, justify="right" if numbers else "left"
        )
    for i, run in enumerate(runs):
        row = {name: _cut(cells[name][i], width) for name, width in widths.items()}
        drawing.add_row(
            *(
                Text(cell, STYLES.get(run.status, "") if name == "status" else "")
                for name, cell in row.items()
            )
        )
    note = (
        [Text(f"no room for {', '.join(reversed(left_out))}; choose with --columns", "dim")]
        if left_out
        else []
    )
    return Group(drawing, *note)


def _least(columns: list[str], runs: Sequence[Run], wanted: bool) -> str:
    """The column that is given up first where there is no room for all."""
    if wanted:
        return columns[-1]
    all_finished = {run.status for run in runs} == {"FINISHED"}
    order = [
        "time/total",
        *(["status"] if all_finished else []),
        *reversed(differing(runs)),
        "started",
        "status",
        "name",
    ]
    return next((name for name in order if name in columns), columns[-1])


def _without_common_words(names: list[str]) -> list[str]:
    """Names by what tells them apart: digits..adam.. and iris..sgd.. of digits-mlp-adam-s0 and iris-mlp-sgd-s0."""
    split = [name.split("-") for name in names]
    if len(set(names)) < 2:
        return names
    if len({*map(len, split)}) == 1:
        common = [len({*column}) == 1 for column in zip(*split, strict=True)]
        return [_joined(words, common) for words in split]
    shortest = min(map(len, split))
    first = next((i for i in range(shortest) if len({words[i] for words in split}) > 1), shortest)
    last = next(
        (i for i in range(shortest - first) if len({words[-1 - i] for words in split}) > 1), shortest - first
    )
    return [
        _joined(words, [i < first or i >= len(words) - last for i in range(len(words))]) for words in split
    ]


def _joined(words: Sequence[str], dropped: Sequence[bool]) -> str:
    """Words with hyphens between them, and two dots for those that are dropped."""
    groups = [
        (gone, [word for word, _ in group])
        for gone, group in groupby(zip(words, dropped, strict=True), key=itemgetter(1))
    ]
    return "".join(".." if gone else "-".join(kept) for gone, kept in groups)


def _shortest(names: list[str], most: int) -> int:
    """How short names may become and still differ; no more than so many characters."""
    fitting = (
        width
        for width in range(SHORTEST_NAME, most)
        if len({_cut(name, width) for name in names}) == len({*names})
    )
    return next(fitting, max(SHORTEST_NAME, most))


def _cut(cell: str, width: int = LONGEST_CELL) -> str:
    """Cut in the middle: beginnings and ends of names tell most."""
    if cell_len(cell) <= width:
        return cell
    ending = ""
    while ending != cell and cell_len(longer := cell[len(cell) - len(ending) - 1 :]) <= (width - 2) // 2:
        ending = longer
    return set_cell_size(cell, max(width - 2 - cell_len(ending), 0)) + ".." + ending
