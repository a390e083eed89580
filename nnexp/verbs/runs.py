"""`nnexp runs`: a table of recorded runs, filtered, sorted and cut as one likes; as JSON and CSV too."""

import argparse
import csv
import json
import math
import re
import sys
from collections.abc import Sequence
from typing import Any

from nnexp.tracking.runs import Run, Runs
from nnexp.tracking.store import StoreError, redacted
from nnexp.verbs.run_columns import OF_RUN, Value, check, default, exact_moment, ordered, value
from nnexp.verbs.run_table import table

TOP = 20
USERS_MISTAKE = 2
HELP = """\
columns:
  {of_run},
  or any metric (best/val_accuracy), param (optimizer.lr) or tag (nnexp.git_commit)

sorting:
  --sort best/val_accuracy    the best first: highest of accuracies, R2 and recall, lowest of losses, times and all else
  --sort=-test/loss           a minus: the highest first; a plus: the lowest first

filters (MLflow's own language; names with a / stand in quotes, params are text; conditions are joined by and):
  --filter 'metrics."best/val_accuracy" > 0.98 and params.init = "he_normal"'
  --filter 'attributes.status = "FINISHED" and params.data LIKE "%mnist"'
"""


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="nnexp runs",
        description="A table of recorded runs, the newest first.",
        epilog=HELP.format(of_run=", ".join(OF_RUN)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--filter", default="", metavar="EXPR", help="only runs that fit, see below")
    parser.add_argument("--sort", default="", metavar="COLUMN", help="default: the newest first")
    parser.add_argument("--columns", default="", metavar="A,B,C", help="default: results, and params in which the runs differ")
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"show so many runs (default: {TOP})")
    parser.add_argument("--experiment", metavar="NAME", help="only runs of this experiment (default: of all)")
    parser.add_argument("--uri", help="another store (default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print everything, or the columns, as a list of JSON objects")
    form.add_argument("--csv", action="store_true", help="print the columns, with all digits, as CSV")
    options = parser.parse_args(_joined(arguments))
    if options.top < 1:
        parser.error(f"--top {options.top}: at least 1")
    try:
        runs, more = chosen(Runs(options.uri, options.experiment), options.filter, options.sort, options.top)
        columns = [column.strip() for column in options.columns.split(",") if column.strip()]
        if runs:
            check(columns, runs)
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USERS_MISTAKE
    if options.json:
        print(json.dumps([_record(run, columns) for run in runs], indent=2, allow_nan=False))
    elif options.csv:
        _print_csv(runs, columns or default(runs))
    elif runs:
        table(runs, columns, more)
    return 0


def chosen(runs: Runs, condition: str, sort: str, top: int) -> tuple[list[Run], str]:
    """The runs to show, and what is said of those that are not.

    Raises:
        StoreError: no store, a filter that cannot be read, a column that there is not.
    """
    if not sort:
        found = runs.select(condition, top=top + 1)  # one more tells whether there are more
        more = f"the newest {top} runs; more: --top {2 * top}" if len(found) > top else ""
    else:
        found, sign, column = runs.select(condition), sort[0] if sort[0] in "+-" else "", sort.lstrip("+-")
        if found:
            check([column], found)
        found = ordered(found, column, sign)
        more = f"the first {top} of {len(found)} runs; more: --top {2 * top}" if len(found) > top else ""
    if not found:
        print(f"nnexp: {_nothing(runs, condition)}", file=sys.stderr)
    return found[:top], more


def _nothing(runs: Runs, condition: str) -> str:
    """Why a filter finds nothing: a name that no run has is likely a slip."""
    newest = runs.select(top=TOP)
    if not newest:
        return f"no runs here yet: there are none at {runs.place}; make one with: nnexp data=digits"
    for kind, quoted, plain in re.findall(r"\b(metric|param|tag)\w*\.(?:[\"`]([^\"`]+)[\"`]|([\w.]+))", condition):
        names, name = {name for run in newest for name in getattr(run, f"{kind}s")}, quoted or plain
        if name not in names:
            from nnexp.config.problems import did_you_mean

            return f"no run fits {condition}; {did_you_mean(name, names)}the newest {len(newest)} runs have no {kind} {name}"
    return f"no run fits {condition}"


def _record(run: Run, columns: Sequence[str]) -> dict[str, Any]:
    if columns:
        return {column: _exact(run, column) for column in columns}
    whole = {column: _exact(run, column) for column in OF_RUN}
    params, tags = ({name: redacted(held) for name, held in values.items()} for values in (run.params, run.tags))
    return whole | {"metrics": {name: _exact(run, name) for name in run.metrics}, "params": params, "tags": tags}


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
