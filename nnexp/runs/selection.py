"""Selection of recorded runs by MLflow's filters, and their order by any column."""

import math
import re
from collections.abc import Sequence

from nnexp.messages import did_you_mean
from nnexp.run_folder import SWEEP_ID_TAG
from nnexp.runs.columns import Value, check_columns, value_of
from nnexp.runs.query import Run, RunError, Runs
from nnexp.runs.sweeps import Sweep


def select(runs: Runs, condition: str, sort: str, top: int | None, sweep: Sweep | None = None) -> list[Run]:
    """Select matching runs, of all or of a sweep, in order; unsorted, the newest first.

    Without a column to sort by, there is at most one beyond `top`, which shows that there are more. Of sorted
    runs, those beyond `top` may have that column only.
    """
    column = sort.lstrip("+-")
    limit = None if sort or top is None else top + 1
    if sweep is not None and not condition:
        matching = sweep.runs[::-1][:limit]
    else:
        columns = None if top is None or not sort else (column, column.partition(".")[2], "time/total")
        where = condition if sweep is None else within(sweep, condition)
        matching = runs.select(where, top=limit, columns=columns)
    if not matching and (condition or sweep is None):
        _check_filter(runs, condition)
    if not sort:
        return matching
    check_columns([column], matching, runs.select)
    ordered = sort_runs(matching, column, sort[0] if sort[0] in "+-" else "")
    return ordered if top is None or sweep is not None else [*runs.complete(ordered[:top]), *ordered[top:]]


def count(runs: Runs, condition: str, sweep: Sweep | None) -> int:
    """Count the matching runs."""
    if sweep is not None and not condition:
        return len(sweep.runs)
    return len(runs.select(condition if sweep is None else within(sweep, condition), columns=()))


def within(sweep: Sweep, condition: str) -> str:
    """Return the filter for those runs of a sweep that match another filter."""
    return f"tags.`{SWEEP_ID_TAG}` = '{sweep.id}' and {condition}"


def _check_filter(runs: Runs, condition: str) -> None:
    everyone = runs.select()
    if not everyone:
        raise runs.no_runs()
    pattern = r"\b(metric|param|tag)\w*\.(?:[\"`]([^\"`]+)[\"`]|([\w.]+))"
    for kind, quoted, plain in re.findall(pattern, condition):
        name = quoted or plain
        names = {name for run in everyone for name in getattr(run, f"{kind}s")}
        if name not in names:
            advice = did_you_mean(name, names)
            raise RunError(f"no run has a {kind} {name}; {advice}see nnexp show last --json")


def sort_runs(runs: Sequence[Run], column: str, sign: str = "") -> list[Run]:
    """Sort by a column; runs without a value come last, equal ones keep their order.

    The sign "-" sorts the highest first, "+" the lowest; without one the best come first where that is known.
    """
    higher_first = column == "started" or "higher" in {run.direction(column) for run in runs}
    keyed = [(_sort_key(value_of(run, column)), run) for run in runs]
    known = [(key, run) for key, run in keyed if key is not None]
    known.sort(key=lambda pair: pair[0], reverse=sign == "-" if sign else higher_first)
    return [run for _, run in known] + [run for key, run in keyed if key is None]


def _sort_key(value: Value) -> tuple[bool, float, str] | None:
    """Order numbers by size, also those in params, before words by alphabet."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except ValueError:
        return True, 0.0, str(value)
    return None if math.isnan(number) else (False, number, "")
