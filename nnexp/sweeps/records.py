"""What the folder of a job has on record: its status, and the results of one that is finished."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nnexp.metrics.objectives import Value, objective_value, objectives_of
from nnexp.run_folder import RESULTS, Entry, RunFolder, end_of, history
from nnexp.tasks import task_of_metrics


def job_entries(folder: Path | None) -> list[Entry]:
    """Read the journal of a job; empty where nothing is recorded."""
    if folder is not None:
        with suppress(OSError, ValueError):
            return RunFolder(folder).entries()
    return []


def job_status(entries: Sequence[Entry]) -> str:
    """Return the status in a journal: "" where nothing is recorded, RUNNING where it has no end."""
    return str((end_of(entries) or {}).get("status", "RUNNING")) if entries else ""


def stored_results(
    entries: Sequence[Entry], config: Mapping[str, Any]
) -> tuple[Value | None, dict[str, float]]:
    """Return what a finished run returns to a sweep, and its results: best/..., test/..., time/total."""
    metrics: dict[str, float] = {}
    for _, values in history(entries):
        metrics |= {name: value for name, value in values.items() if name.startswith(RESULTS)}
    names = objectives_of(config.get("optimized_metric"))
    if not names and (task := task_of_metrics(metrics)) is not None:
        names = (f"best/val_{task.score}",)
    return objective_value(names, metrics), metrics
