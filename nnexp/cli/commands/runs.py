"""`nnexp runs`: a table of recorded runs, filtered and sorted; as JSON and CSV too."""

import csv
import json
import math
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from nnexp.cli import run_table
from nnexp.cli.arguments import SWEEP, Arguments
from nnexp.runs.columns import KINDS, RUN_COLUMNS, Value, all_columns, check_columns, exact_value
from nnexp.runs.query import Run, Runs
from nnexp.runs.selection import count, select
from nnexp.runs.sweeps import find_sweep

TOP = 20
HELP = """\
columns:
  {columns},
  or any metric (best/val_accuracy), param (optimizer.lr) or tag (nnexp.git_commit)

sorting:
  --sort best/val_accuracy    the best first: the highest of accuracy, R2, recall, precision, F1, match and
                              examples_per_second, the newest of started; of all else the lowest
  --sort=-test/loss           a minus: the highest first; a plus: the lowest first

filters (MLflow's language; names with a / are quoted, params are text; conditions are joined by and):
  --filter 'metrics."best/val_accuracy" > 0.98 and params.init = "he_normal"'
  --filter 'attributes.status = "FINISHED" and params.data LIKE "%mnist"'
"""


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    options: Any = {"formatter_class": RawDescriptionHelpFormatter}
    options["epilog"] = HELP.format(columns=", ".join(RUN_COLUMNS))
    parser = Arguments("runs", "A table of recorded runs, the newest first.", **options)
    parser.add_argument("--filter", default="", metavar="EXPR", help="only matching runs, see below")
    parser.add_argument("--sweep", default="", metavar="SWEEP", help=f"only runs of a sweep: {SWEEP}")
    parser.add_argument("--sort", default="", metavar="COLUMN", help="default: the newest first")
    columns_help = "default: results, and params that differ"
    parser.add_argument("--columns", default="", metavar="A,B,C", help=columns_help)
    parser.add_argument("--top", type=int, metavar="N", help=f"default: {TOP}; with --json or --csv all")
    parser.add_store()
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print everything, or the columns, as JSON")
    output.add_argument("--csv", action="store_true", help="print everything, or the columns, as CSV")
    options = parser.parse_args(_join_sort(arguments))
    if options.top is not None and options.top < 1:
        parser.error(f"--top {options.top}: at least 1")
    runs = Runs(options.uri, options.experiment)
    columns = [name.strip() for name in options.columns.split(",") if name.strip()]
    as_table = not (options.json or options.csv)
    top = options.top or (TOP if as_table else None)
    sweep = find_sweep(options.sweep, runs) if options.sweep else None
    matching = select(runs, options.filter, options.sort, top, sweep)
    check_columns(columns, matching, runs.select)
    shown = matching[:top]
    if options.json:
        print(json.dumps([_record(run, columns) for run in shown], indent=2, allow_nan=False))
    elif options.csv:
        names = columns or all_columns(shown)
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([names, *([exact_value(run, name) for name in names] for run in shown)])
    elif shown:
        run_table.print_table(shown, columns, options.sort.lstrip("+-"))
    if as_table and len(matching) > len(shown):
        total = len(matching) if options.sort else count(runs, options.filter, sweep)
        print(f"nnexp: {total - len(shown)} more runs; all of them: --top {total}", file=sys.stderr)
    if not matching:
        what = options.filter or f"--sweep {options.sweep}"
        print(f"nnexp: no run matches {what}", file=sys.stderr)
    return 0


def _record(run: Run, columns: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {column: _json_value(run, column) for column in columns or RUN_COLUMNS}
    kinds = () if columns else KINDS
    for kind in kinds:
        record[kind] = {name: _json_value(run, f"{kind}.{name}") for name in getattr(run, kind)}
    return record


def _json_value(run: Run, column: str) -> Value:
    """Return a value with all digits; None for what JSON cannot hold."""
    value = exact_value(run, column)
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _join_sort(arguments: list[str]) -> list[str]:
    """Join `--sort -test/loss` to one argument: argparse would take the second for an option."""
    at = arguments.index("--sort") if "--sort" in arguments[:-1] else -1
    if at < 0 or arguments[at + 1].startswith("--"):
        return arguments
    return [*arguments[:at], f"--sort={arguments[at + 1]}", *arguments[at + 2 :]]
