"""The runs of a sweep that gave no result, each with its reason."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from re import sub

from nnexp.analysis import Analysis
from nnexp.run_folder import ERROR, LOG
from nnexp.runs.backends import RunError
from nnexp.runs.run import Run
from nnexp.runs.sweeps import Sweep
from nnexp.sweeps.report.sweep_table import row_id

REASONS = {
    "KILLED": "ended by a signal",
    "UNFINISHED": "its process has ended early",
    "RUNNING": "still running",
}
TRACEBACK = "Traceback (most recent call last):"
MAX_REASON = 400  # characters
MAX_FILE = 1 << 20  # bytes


@dataclass(frozen=True)
class Failure:
    """A job without a result; `folder` is None where it has never begun."""

    name: str
    status: str
    reason: str
    folder: Path | None = None


def failures(sweep: Sweep, analysis: Analysis) -> list[Failure]:
    """List the runs that have not finished, or lack the metric, then the jobs that have not begun."""
    ended = [
        Failure(run.name, run.status, reason_of(run), run.folder)
        for run in sweep.runs
        if run.status != "FINISHED"
    ]
    folder_of = {row_id(run): run.folder for run in sweep.runs}
    lacking = [
        Failure(row.name, row.status, f"it has no {row.objective or 'score'}", folder_of.get(row.id))
        for row in analysis.without_result
        if row.status == "FINISHED" and not row.pruned
    ]
    return [*ended, *lacking, *without_journal(sweep)]


def reason_of(run: Run) -> str:
    """Return why a run failed: the message at the end of its traceback."""
    with suppress(RunError, OSError):
        path = run.backend.file(ERROR) if run.status == "FAILED" else None
        if path is not None and (reason := message_of(path)):
            return reason
    return REASONS.get(run.status, "")


def message_of(path: Path) -> str:
    """Return the message below the last traceback in a file; empty: there is none. OSError: no such file."""
    if path.stat().st_size > MAX_FILE:
        return ""
    _, heading, traceback = path.read_text(encoding="utf-8", errors="replace").rpartition(TRACEBACK)
    lines = traceback.splitlines()
    first = next((i for i, line in enumerate(lines) if i and not line.startswith(" ")), len(lines))
    message = " ".join(line.strip() for line in lines[first:]).strip()
    return sub(r"^[\w.]+: (\d+ configuration errors?: )?", "", message)[:MAX_REASON] if heading else ""


def without_journal(sweep: Sweep) -> Iterator[Failure]:
    """Yield the planned jobs that have no journal: they failed before, or have not begun."""
    if sweep.folder is not None:
        begun = {run.folder.name for run in sweep.runs if run.folder is not None}
        for job in sweep.record.get("jobs", []):
            if str(job.get("number")) not in begun:
                folder = sweep.folder / str(job.get("number"))
                reason = ""
                with suppress(OSError):
                    reason = message_of(folder / LOG)
                state, place = ("FAILED", folder) if reason else ("NOT BEGUN", None)
                yield Failure(str(job.get("name", "")), state, reason, place)
