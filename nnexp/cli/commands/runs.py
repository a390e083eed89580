"""`nnexp runs`: a table of recorded runs, filtered, sorted and cut as one likes; as JSON and CSV too."""

import argparse
import csv
import json
import math
import re
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from nnexp.cli.arguments import Arguments
from nnexp.cli.errors import USER_ERROR
from nnexp.cli.run_table.columns import OF_RUN, Value, check, default, exact_moment, ordered, value
from nnexp.cli.run_table.layout import table
from nnexp.redaction import redacted
from nnexp.runs.query import Run, RunError, Runs
from nnexp.tracking.mlflow.store import StoreError

TOP = 20
HELP = """\
columns:
  {of_run},
  or any metric (best/val_accuracy), param (optimizer.lr) or tag (nnexp.git_commit)

sorting:
  --sort best/val_accuracy    the best first: the highest of accuracy, R2, recall, precision, F1, match and examples_per_second,
                              the newest of started; of all else (losses, times, params) the lowest
  --sort=-test/loss           a minus: the highest first; a plus: the lowest first

filters (MLflow's own language; names with a / stand in quotes, params are text; conditions are joined by and):
  --filter 'metrics."best/val_accuracy" > 0.98 and params.init = "he_normal"'
  --filter 'attributes.status = "FINISHED" and params.data LIKE "%mnist"'
"""


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    parser = Arguments(
        "runs",
        "A table of recorded runs, the newest first.",
        epilog=HELP.format(of_run=", ".join(OF_RUN)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--filter", default="", metavar="EXPR", help="only runs that fit, see below")
    parser.add_argument("--sort", default="", metavar="COLUMN", help="default: the newest first")
    parser.add_argument(
        "--columns", default="", metavar="A,B,C", help="default: results, and params in which the runs differ"
    )
    parser.add_argument(
        "--top", type=int, metavar="N", help=f"so many runs (default: {TOP}; with --json or --csv all)"
    )
    parser.add_store()
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print everything, or the columns, as a list of JSON objects"
    )
    form.add_argument("--csv", action="store_true", help="print the columns, with all digits, as CSV")
    options = parser.parse_args(_joined(arguments))
    if options.top is not None and options.top < 1:
        parser.error(f"--top {options.top}: at least 1")
    runs, columns = (
        Runs(options.uri, options.experiment),
        [name.strip() for name in options.columns.split(",") if name.strip()],
    )
    top = options.top or (None if options.json or options.csv else TOP)
    try:
        found = chosen(runs, options.filter, options.sort, top)
        check(columns, found, runs.select)
        shown = found[:top]
        more = (
            ""
            if options.json or options.csv
            else _more(runs, options.filter, options.sort, len(shown), len(found))
        )
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    if options.json:
        print(json.dumps([_record(run, columns) for run in shown], indent=2, allow_nan=False))
    elif options.csv:
        _print_csv(shown, columns or default(shown))
    elif shown:
        table(shown, columns)
        if more:
            console = Console(stderr=not sys.stdout.isatty(), highlight=False, soft_wrap=True)
            console.print(Text(more, "dim"))
    if not found:
        print(f"nnexp: no run fits {options.filter}", file=sys.stderr)
    return 0


def chosen(runs: Runs, condition: str, sort: str, top: int | None) -> list[Run]:
    """The runs that fit, in order; if they need not be sorted, no more than one beyond the top, which tells that there are more.

    Raises:
        StoreError: no store, no runs at all, a filter that cannot be read, a name that no run has.
    """
    found = runs.select(condition, top=None if sort or top is None else top + 1)
    if not found:
        _check_filter(runs, condition)
    if not sort:
        return found
    sign, column = sort[0] if sort[0] in "+-" else "", sort.lstrip("+-")
    check([column], found, runs.select)
    return ordered(found, column, sign)


def _check_filter(runs: Runs, condition: str) -> None:
    """A filter that nothing fits is no mistake, but a name in it that no run has is one.

    Raises:
        RunError: there is such a name, or there are no runs at all.
    """
    everyone = runs.select()
    if not everyone:
        raise runs.none()
    for kind, quoted, plain in re.findall(
        r"\b(metric|param|tag)\w*\.(?:[\"`]([^\"`]+)[\"`]|([\w.]+))", condition
    ):
        names, name = {name for run in everyone for name in getattr(run, f"{kind}s")}, quoted or plain
        if name not in names:
            from nnexp.messages import did_you_mean

            raise RunError(
                f"no run has a {kind} {name}; {did_you_mean(name, names)}see them with: nnexp show last --json"
            )


def _more(runs: Runs, condition: str, sort: str, shown: int, found: int) -> str:
    """What is said of a table's rest; whoever does not see a table's end on a terminal hears how much it is."""
    if found <= shown:
        return ""
    if sys.stdout.isatty():
        return (
            f"the {f'first {shown} of {found}' if sort else f'newest {shown}'} runs; more: --top {2 * shown}"
        )
    everything = found if sort else len(runs.select(condition))
    return f"nnexp: {everything - shown} more runs; all of them: --top {everything}"


def _record(run: Run, columns: Sequence[str]) -> dict[str, Any]:
    if columns:
        return {column: _exact(run, column) for column in columns}
    whole = {column: _exact(run, column) for column in OF_RUN}
    params, tags = (
        {name: redacted(held) for name, held in values.items()} for values in (run.params, run.tags)
    )
    return whole | {
        "metrics": {name: _exact(run, name) for name in run.metrics},
        "params": params,
        "tags": tags,
    }


def _exact(run: Run, column: str) -> Value:
    """For programs: all digits; what JSON has no word for, as nothing."""
    held = value(run, column)
    if column == "started" and isinstance(held, float):
        return exact_moment(held)
    return held if not isinstance(held, float) or math.isfinite(held) else None


def _print_csv(runs: Sequence[Run], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_exact(run, column) for column in columns] for run in runs)


def _joined(arguments: Sequence[str]) -> list[str]:
    """`--sort -test/loss` as argparse takes it."""
    found: list[str] = []
    for argument in arguments:
        if found and found[-1] == "--sort" and not argument.startswith("--"):
            found[-1] = f"--sort={argument}"
        else:
            found.append(argument)
    return found
