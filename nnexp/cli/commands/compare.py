"""`nnexp compare`: two or more runs side by side, as a page that needs nothing else, as pictures, and in short on the terminal."""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from nnexp.cli.arguments import RUN, Arguments
from nnexp.cli.errors import USER_ERROR
from nnexp.runs.compare.comparison import Comparison, check_number, compare
from nnexp.runs.compare.metric_rows import shown
from nnexp.runs.compare.significance import corrected
from nnexp.runs.query import Run, RunError, Runs
from nnexp.tracking.mlflow.store import StoreError

PAGE, CURVES, MATRICES = "index.html", "curves.png", "confusion-difference.png"
ARROWS = {"higher": "↑", "lower": "↓", "": " "}
PLAIN_WIDTH = 160  # where there is no terminal
LONGEST = 48  # characters of a param's value on the terminal; the page has all


def main(arguments: list[str]) -> int:
    """Compare, write and tell; returns the exit code."""
    parser = Arguments(
        "compare", "Set runs side by side: what differs in their configuration and in what came out."
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{RUN}; the first is the baseline")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compare"),
        metavar="DIR",
        help="where the page goes (default: compare/)",
    )
    parser.add_store()
    options = parser.parse_intermixed_args(arguments)
    try:
        check_number(len(options.runs))
        found = compare(chosen(Runs(options.uri, options.experiment), options.runs))
        written = write(found, options.out)
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    except OSError as error:
        print(
            f"nnexp: {error.filename or options.out}: {error.strerror}; take another --out", file=sys.stderr
        )
        return USER_ERROR
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for part in told(found):
        console.print(part)
    print("\n".join(str(path.resolve()) for path in written))
    return 0


def chosen(runs: Runs, texts: Sequence[str]) -> list[Run]:
    """The runs that are meant.

    Raises:
        RunError: no such run; or one is named twice, as `best` and `last` may well do without anybody knowing.
    """
    found = [runs.find(text) for text in texts]
    for (one, first), (other, second) in combinations(zip(texts, found, strict=True), 2):
        if first.is_same(second):
            twice = f"{one} is named twice" if one == other else f"{one} and {other} are the same run"
            known = ", ".join(filter(None, (first.name, first.id[:8])))
            raise RunError(f"{twice} ({known}): name another; see them with: nnexp runs")
    return found


def write(found: Comparison, folder: Path) -> list[Path]:
    """Write page and pictures; returns their paths, the page's first.

    Raises:
        OSError: there is no such folder and none can be made.
    """
    from nnexp.plots.comparison import RunCurves, all_curves, metric_curves, metric_names, svg
    from nnexp.plots.matrix_image import draw_side_by_side
    from nnexp.plots.run.confusion import difference
    from nnexp.plots.style import save
    from nnexp.runs.compare.report import page

    runs = [
        RunCurves(label=f"{side.letter}  {side.run.name}", unit=side.unit, history=side.epochs)
        for side in found.sides
    ]
    panels = [svg(metric_curves(runs, metric)) for metric in metric_names(runs)]
    matrices = []
    for pair in found.mistakes:
        args = pair.matrix, pair.baseline, pair.classes, f"{pair.other}, {pair.part}", pair.base
        matrices.append(difference(*args).draw())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page(found, panels, list(map(svg, matrices))), encoding="utf-8")
    save(all_curves(runs), folder / CURVES)
    written = [folder / PAGE, folder / CURVES]
    (folder / MATRICES).unlink(missing_ok=True)  # of an earlier comparison, maybe
    if matrices:
        save(draw_side_by_side(matrices), folder / MATRICES)
        written.append(folder / MATRICES)
    return written


def told(found: Comparison) -> Iterator[RenderableType]:
    """What the terminal shows of it: who is who, what differs, what came out, which is better."""
    for side in found.sides:
        yield Text(f"{side.letter}  {side.run.name}  {side.run.id[:8]}  {side.run.status}")
    if found.settings:
        yield table(
            "param",
            [[setting.key, *map(shortened, setting.values)] for setting in found.settings],
            found,
            "left",
        )
    else:
        yield Text("\nThe configurations are the same.")
    rows: list[list[str | Text]] = []
    for metric in found.metrics:
        if metric.shown:
            values = [shown(metric.name, value) for value in metric.values]
            best = [
                Text(value, "bold green") if i in metric.best else value for i, value in enumerate(values)
            ]
            rows.append([f"{metric.name} {ARROWS[metric.better]}", *best])
    yield table("metric", rows, found, "right")
    for caution in found.cautions:
        yield Text(f"note: {caution.what}: {caution.meaning}", "red" if caution.grave else "yellow")
    for gap in found.gaps if len(found.gaps) > 1 else []:
        yield Text(gap.verdict(corrected(found.gaps)))
    yield Text(f"\n{found.headline}\n", "bold")


def table(
    name: str, rows: Sequence[Sequence[str | Text]], found: Comparison, justify: Literal["left", "right"]
) -> Table:
    """A column for each run."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    made.add_column(name, no_wrap=True)
    for side in found.sides:
        made.add_column(side.letter, justify=justify, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def shortened(value: str | None) -> str:
    """A param's value; the page has it whole."""
    if value is None:
        return "-"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
