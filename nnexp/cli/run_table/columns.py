"""Columns of a table of runs: what a name stands for, which are worth showing, how they are sorted and written."""

import math
import time
from collections.abc import Callable, Sequence

from nnexp.metrics.metric_info import format_metric, metric_info
from nnexp.redaction import redacted
from nnexp.runs.query import Run, RunError

OF_RUN = ("id", "name", "experiment", "status", "started", "seconds")
KINDS = ("metrics", "params", "tags")  # a name is looked up in this order
RESULTS = ("best/val_accuracy", "best/val_r2", "test/accuracy", "test/r2", "time/total")
NOT_LEARNT = (
    "tracking",
    "diagnostics",
    "data.root",
    "data.mirrors",
    "trainer.threads",
    "optimized_metric",
    "plugins",
)
MOST_PARAMS = 4
SHORT_ID = 8

Value = str | float | None


def value(run: Run, column: str) -> Value:
    """What a column holds of a run; None: nothing."""
    if column in OF_RUN:
        found: Value = getattr(run, column)
        return found
    kind, _, name = column.partition(".")
    for known in KINDS:
        values: dict[str, float] | dict[str, str] = getattr(run, known)
        held: Value = values.get(column, values.get(name) if kind == known else None)
        if held is not None:
            return redacted(held) if isinstance(held, str) else held
    return None


def known(runs: Sequence[Run]) -> list[str]:
    """Every name that a column of these runs may have."""
    return [*OF_RUN, *dict.fromkeys(name for kind in KINDS for run in runs for name in getattr(run, kind))]


def check(columns: Sequence[str], runs: Sequence[Run], others: Callable[[], Sequence[Run]] = list) -> None:
    """Refuse columns that no run has.

    Args:
        columns: names.
        runs: those that are shown.
        others: asked for only if these lack a column: runs that may have it.

    Raises:
        RunError: which, and what was likely meant.
    """

    def lacking(these: Sequence[Run]) -> list[str]:
        return [
            column
            for column in columns
            if column not in OF_RUN and all(value(run, column) is None for run in these)
        ]

    if lacking(runs):
        everyone = [*runs, *others()]
        for column in lacking(everyone):
            from nnexp.messages import did_you_mean

            advice = did_you_mean(column, known(everyone))
            what = f"a column is {', '.join(OF_RUN)}, or a metric, param or tag; see all with: nnexp show last --json"
            raise RunError(f"no such column: {column}; {advice}{what}")


def default(runs: Sequence[Run]) -> list[str]:
    """What it is, how well it did, and in what it differs from the others."""
    held = [name for name in RESULTS if any(name in run.metrics for run in runs)]
    return ["id", "name", "status", "started", *held, *differing(runs)]


def differing(runs: Sequence[Run]) -> list[str]:
    """Params in which the runs differ: the options of groups, then what is not explained by those."""
    names = dict.fromkeys(name for run in runs for name in run.params)
    found = []
    for name in sorted(names, key=lambda name: "." in name):  # groups, and the seed, have no dot
        if name.endswith("_target_") or any(
            name == other or name.startswith(f"{other}.") for other in NOT_LEARNT
        ):
            continue
        group = name.partition(".")[0]
        by_option: dict[str, set[str]] = {}
        for run in runs:
            by_option.setdefault(run.params.get(group, "") if "." in name else "", set()).add(
                run.params.get(name, "")
            )
        if any(len(values) > 1 for values in by_option.values()):
            found.append(name)
    return found[:MOST_PARAMS]


def ordered(runs: Sequence[Run], column: str, sign: str = "") -> list[Run]:
    """Sorted by a column; runs without it come last, equal ones stay as they were.

    The sign "-" puts the highest first, "+" the lowest; without one the best come first where that is known, else the lowest.
    """
    down = sign == "-" if sign else column == "started" or metric_info(column).direction == "higher"
    keyed = [(_key(value(run, column)), run) for run in runs]
    there = sorted(
        ((key, run) for key, run in keyed if key is not None), key=lambda pair: pair[0], reverse=down
    )
    return [run for _, run in there] + [run for key, run in keyed if key is None]


def text(run: Run, column: str) -> str:
    """A cell as a person reads it."""
    held = value(run, column)
    if held is None or (isinstance(held, float) and math.isnan(held)):
        return ""
    if column == "id":
        return str(held)[:SHORT_ID]
    if isinstance(held, str):
        return " ".join(held.split())
    if column == "started":
        return moment(held)
    return format_metric(column, held)


def moment(seconds: float) -> str:
    """Local time; the year only where it is another."""
    then = time.localtime(seconds)
    return time.strftime(
        "%m-%d %H:%M" if then.tm_year == time.localtime().tm_year else "%Y-%m-%d %H:%M", then
    )


def exact_moment(seconds: float) -> str:
    """Local time as ISO 8601 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def _key(held: Value) -> tuple[bool, float, str] | None:
    """Numbers by size, whether they are written as params or not, before words by alphabet."""
    if held is None or held == "":
        return None
    try:
        size = float(held)
    except ValueError:
        return True, 0.0, str(held)
    return None if math.isnan(size) else (False, size, "")
