"""The journal of a run: one JSON object per line, appended as results arrive. `run_folder` reads it.

It is the authoritative record; MLflow is filled from it, at once or later. Entries by `kind`: `run` (first:
params, tags, destination, unit of the steps), `metrics` (values at a step), `confusion` (of the validation
set, at a step), `artifact` (a file of the run's folder), `end` (last: the status).
"""

import json
import os
import platform
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nnexp.errors import UserError
from nnexp.run_folder import JOURNAL, RunFolder

DIED = "died"  # key of an `end` that another process wrote
ENDED_STATES = ("Z", "X")  # of processes that have ended, and which nothing has waited for
Status = Literal["FINISHED", "FAILED", "KILLED"]


class Journal:
    """Appends entries to the journal in a run's folder; each reaches the system when the call returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.file = (folder / JOURNAL).open("x", encoding="utf-8")
        except FileExistsError as error:
            raise UserError(f"{folder} already holds a run; fix: give this one another folder") from error

    def log_run(
        self,
        name: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        destination: Mapping[str, Any] | None,
        began: float | None = None,
        unit: str = "epoch",
    ) -> None:
        """Write the first entry: what the run is and where it is to be uploaded.

        A destination has experiment, uri (None: the environment's), folder (of the default store), register,
        baseline, system; without one the run is not uploaded. `began` is in seconds since 1970; None is now.
        """
        time_ms = round(1000 * (time.time() if began is None else began))
        facts = {"name": name, "params": dict(params), "tags": dict(tags), "unit": unit}
        target = None if destination is None else dict(destination)
        journal_id = secrets.token_hex(16)  # which a store is searched for before the run is uploaded again
        writer = process_identity(os.getpid())
        self._write("run", time=time_ms, id=journal_id, writer=writer, destination=target, **facts)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        self._write("metrics", step=step, values=dict(values))

    def log_confusion(self, step: int, matrix: Sequence[Sequence[int]]) -> None:
        """Write the confusion matrix (C, C) of the validation set at a step, true classes down."""
        self._write("confusion", step=step, matrix=[list(row) for row in matrix])

    def log_artifacts(self, *paths: str) -> None:
        for path in paths:
            self._write("artifact", path=path)

    def end(self, status: Status) -> None:
        self._write("end", status=status)

    def sync(self) -> None:
        """Wait until all entries are on the disk, so that they outlive a loss of power."""
        os.fsync(self.file.fileno())

    def _write(self, kind: str, **entry: Any) -> None:
        self.file.write(json.dumps({"kind": kind, "time": time.time_ns() // 1_000_000, **entry}) + "\n")
        self.file.flush()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def process_identity(pid: int) -> dict[str, Any]:
    """Return the identity of a process: host, PID, start in clock ticks (PIDs are used again)."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        began = "" if state in ENDED_STATES else rest[18]
    except (OSError, ValueError, IndexError):
        began = ""
    return {"host": platform.node(), "pid": pid, "began": began}


def close(folder: Path, status: Status) -> None:
    """End the journal of a run whose process died, at its last entry's time; drop an incomplete line."""
    entries, offset = RunFolder(folder).entries_after(0)
    end = {"kind": "end", "time": entries[-1]["time"], "status": status, DIED: True}
    with (folder / JOURNAL).open("r+b") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(json.dumps(end).encode() + b"\n")
