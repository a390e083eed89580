"""`nnexp compare`: two or more runs side by side, as an HTML page, as plots, and in short on the terminal."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nnexp.cli.arguments import RUN, Arguments
from nnexp.errors import UserError
from nnexp.messages import plural
from nnexp.runs.compare.comparison import ARROWS, Comparison, check_number, compare
from nnexp.runs.compare.significance import corrected_level
from nnexp.runs.distinct import check_distinct
from nnexp.runs.query import Run, Runs

PLAIN_WIDTH = 160  # where there is no terminal
MAX_VALUE = 48  # characters of a column on the terminal
ABSENT = "-"
COLORS = {"error": "red", "warning": "yellow"}


def main(arguments: list[str]) -> int:
    """Compare, write the page, and print a summary; returns the exit code."""
    parser = Arguments("compare", "Set runs side by side: differences in their configuration and results.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{RUN}; the first is the baseline")
    out_help = "folder of the page (default: compare/)"
    parser.add_argument("--out", type=Path, default=Path("compare"), metavar="DIR", help=out_help)
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    check_number(len(options.runs))
    comparison = compare(find_distinct(Runs(options.uri, options.experiment), options.runs))
    from nnexp.runs.compare.report import write

    try:
        paths = write(comparison, options.out)
    except OSError as error:
        path = error.filename or options.out
        raise UserError(f"{path}: {error.strerror}; fix: another folder, --out DIR") from error
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for renderable in summary(comparison):
        console.print(renderable)
    print("\n".join(str(path.resolve()) for path in paths))
    return 0


def find_distinct(runs: Runs, texts: Sequence[str]) -> list[Run]:
    """Find the runs; the same run under two names is an error."""
    named = [(text, runs.find(text)) for text in texts]
    check_distinct(named)
    return [run for _, run in named]


def summary(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield what the terminal shows: runs, differences, metrics, caveats, and which run is better."""
    for run in comparison.runs:
        yield Text(f"{run.letter}  {run.run.name}  {run.run.id[:8]}  {run.run.status}")
    letters = [run.letter for run in comparison.runs]
    table = _table("param", letters, "left")
    for param in comparison.params:
        texts = (Text(ABSENT if value is None else value) for value in param.values)
        table.add_row(param.key, *texts)
    yield table if comparison.params else Text("\nThe configurations are the same.")
    table = _table("metric", letters, "right")
    for metric in comparison.metrics:
        if metric.is_main:
            styles = ["bold green" if i in metric.best else "" for i in range(len(letters))]
            cells = map(Text, metric.texts(ABSENT), styles)
            table.add_row(f"{metric.name} {ARROWS[metric.direction] or ' '}", *cells)
    yield table
    if rest := sum(not metric.is_main for metric in comparison.metrics):
        yield Text(f"{plural(rest, 'more metric')}, of layers and classes: on the page", "dim")
    for caveat in comparison.caveats:
        yield Text(f"note: {caveat.what}: {caveat.meaning}", COLORS[caveat.severity])
    level = corrected_level(comparison.results)
    if len(comparison.results) > 1:
        yield from (Text("; ".join(filter(None, result.summary(level)))) for result in comparison.results)
    yield Text(f"\n{'; '.join(filter(None, comparison.headline))}\n", "bold")


def _table(name: str, letters: Sequence[str], justify: Literal["left", "right"]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(name, no_wrap=True)
    for letter in letters:
        table.add_column(letter, justify=justify, overflow="fold", max_width=MAX_VALUE)
    return table
