"""The columns of tables of runs: identity, metrics, params and tags by name, and their values."""

import time
from collections.abc import Callable, Sequence

from nnexp.config.naming import changes_learning
from nnexp.messages import did_you_mean, natural_key
from nnexp.redaction import redacted
from nnexp.run_folder import is_ensemble
from nnexp.runs.query import Run, RunError

RUN_COLUMNS = ("id", "name", "experiment", "status", "started", "seconds")
PRUNED_STATUS = "PRUNED"  # in tables; in MLflow FINISHED, with a tag
KINDS = ("metrics", "params", "tags")  # a name is looked up in this order
KEPT_TAGS = ("mlflow.user", "mlflow.source.git.commit")

Value = str | float | None


def value_of(run: Run, column: str) -> Value:
    """Return the value of a column; None: the run has none."""
    if column == "status" and run.pruned:
        return PRUNED_STATUS
    if column in RUN_COLUMNS:
        attribute: Value = getattr(run, column)
        return attribute
    prefix, _, name = column.partition(".")
    for kind in KINDS:
        values: dict[str, float] | dict[str, str] = getattr(run, kind)
        value: Value = values.get(column, values.get(name) if prefix == kind else None)
        if value is not None:
            return redacted(value) if isinstance(value, str) else value
    return None


def exact_value(run: Run, column: str) -> Value:
    """Return the value of a column for programs: with all digits, times as ISO 8601."""
    value = value_of(run, column)
    return iso_time(value) if column == "started" and isinstance(value, float) else value


def check_columns(
    columns: Sequence[str], runs: Sequence[Run], others: Callable[[], Sequence[Run]] = list
) -> None:
    """Check that each column has a value in some run, or in `others()`, which is called only if need be."""

    def missing(among: Sequence[Run]) -> list[str]:
        names = (column for column in columns if column not in RUN_COLUMNS)
        return [name for name in names if all(value_of(run, name) is None for run in among)]

    if missing(runs):
        everyone = [*runs, *others()]
        for column in missing(everyone):
            known = {name for kind in KINDS for run in everyone for name in getattr(run, kind)}
            advice = did_you_mean(column, {*RUN_COLUMNS, *known})
            expected = f"expected {', '.join(RUN_COLUMNS)}, or a metric, param or tag"
            raise RunError(f"no such column: {column}; {advice}{expected}; see nnexp show last --json")


def all_columns(runs: Sequence[Run]) -> list[str]:
    """Return every column: identity, metrics, params, and tags but those that MLflow itself makes.

    A name that an earlier column has is prefixed with its kind, as in MLflow: params.loss.
    """
    columns = dict.fromkeys(RUN_COLUMNS)
    for kind in KINDS:
        names = sorted({name for run in runs for name in getattr(run, kind)}, key=natural_key)
        kept = [name for name in names if not name.startswith("mlflow.") or name in KEPT_TAGS]
        columns |= dict.fromkeys(f"{kind}.{name}" if name in columns else name for name in kept)
    return list(columns)


def iso_time(seconds: float) -> str:
    """Format local time as ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def differing(runs: Sequence[Run]) -> list[str]:
    """Return params in which the runs differ: options of groups, then values that these do not explain.

    Ensembles have no settings of training, so they do not count.
    """
    runs = [run for run in runs if not is_ensemble(run.description)]
    names = dict.fromkeys(name for run in runs for name in run.params if changes_learning(name))
    params = []
    for name in sorted(names, key=lambda name: "." in name):  # groups, and the seed, have no dot
        group = name.partition(".")[0] if "." in name else ""
        by_option: dict[str, set[str]] = {}
        for run in runs:
            by_option.setdefault(run.params.get(group, ""), set()).add(run.params.get(name, ""))
        if not name.endswith("_target_") and any(len(values) > 1 for values in by_option.values()):
            params.append(name)
    return params
