"""The runs of a sweep that gave no result, each with its reason."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from re import fullmatch

from nnexp.analysis import Analysis
from nnexp.run_folder import ERROR
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report.sweep_table import row_id

REASONS = {
    "KILLED": "ended by a signal",
    "UNFINISHED": "its process has ended early",
    "RUNNING": "still running",
}
MAX_REASON = 400  # characters
MAX_FILE = 1 << 20  # bytes


@dataclass(frozen=True)
class Failure:
    """A job without a result; `run` is None where it has never begun."""

    name: str
    status: str
    reason: str
    run: Run | None = None


def failures(sweep: Sweep, analysis: Analysis) -> list[Failure]:
    """List the runs that have not finished, or lack the metric, then the jobs that have not begun."""
    ended = [
        Failure(run.name, run.status, reason_of(run), run) for run in sweep.runs if run.status != "FINISHED"
    ]
    run_of = {row_id(run): run for run in sweep.runs}
    lacking = [
        Failure(row.name, row.status, f"it has no {row.objective or 'score'}", run_of.get(row.id))
        for row in analysis.without_result
        if row.status == "FINISHED"
    ]
    return [*ended, *lacking, *_not_begun(sweep)]


def reason_of(run: Run) -> str:
    """Return why a run failed: the message at the end of its traceback."""
    with suppress(RunError, OSError):
        path = run.backend.file(ERROR) if run.status == "FAILED" else None
        if path is not None and path.stat().st_size <= MAX_FILE:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            last = max((i for i, line in enumerate(lines) if line.startswith((" ", "Traceback"))), default=-1)
            message = " ".join(lines[last + 1 :])
            match = fullmatch(r"[\w.]+: (.*)", message)
            return (match[1] if match else message)[:MAX_REASON]
    return REASONS.get(run.status, "")


def _not_begun(sweep: Sweep) -> Iterator[Failure]:
    """Yield the planned jobs that have no folder with a journal."""
    if sweep.folder is not None:
        begun = {run.folder.name for run in sweep.runs if run.folder is not None}
        for job in sweep.record.get("jobs", []):
            if str(job.get("number")) not in begun:
                yield Failure(str(job.get("name", "")), "NOT BEGUN", "")
