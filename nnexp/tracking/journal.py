"""The journal of a run: one JSON object per line, appended as results arrive. `run_folder` reads it.

It is the authoritative record; MLflow is filled from it, at once or later. Entries by `kind`: `run` (first:
params, tags, destination, unit of the steps), `metrics` (values at a step), `confusion` (of the validation
set, at a step), `artifact` (a file of the run's folder), `end` (the status, and where a search has pruned the
run), `resume` (training goes on after an end, or after its process died: what has changed).
"""

import json
import os
import platform
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from nnexp.atomic_write import MODE
from nnexp.errors import UserError
from nnexp.redaction import redacted
from nnexp.run_folder import JOURNAL, JOURNAL_LOCK, PRUNED, RunFolder, end_of, head_of, history

DIED = "died"  # key of an `end` that another process wrote
ENDED_STATES = ("Z", "X")  # of processes that have ended, and which nothing has waited for
Status = Literal["FINISHED", "FAILED", "KILLED"]
FIRST_LINE = 1 << 20  # bytes, at most
FIRST_LINE_WITHIN = 3.0  # seconds after a journal is opened
TOTAL_TIME = "time/total"  # metric
LOCK_TIMEOUT = 10.0  # seconds; it is held for milliseconds


class Journal:
    """Appends entries to the journal in a run's folder; each reaches the system when the call returns.

    Steps that a resumed run trains again are not written again: no metric, no confusion matrix stands twice.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metrics: dict[tuple[int, str], float] = {}  # that are written, by step
        self.matrices: set[int] = set()  # steps whose confusion matrices are written
        self.artifacts: set[str] = set()  # paths of files that are written
        path = folder / JOURNAL
        try:
            self.file = path.open("xb", buffering=0)
        except FileExistsError as error:
            if not is_abandoned(path):
                message = f"{folder} already holds a run; fix: give this one another folder"
                raise UserError(message) from error
            self.file = path.open("wb", buffering=0)

    @classmethod
    def reopen(cls, folder: Path) -> "Journal":
        """Open the journal of a run to go on; an incomplete last line is dropped.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        entries, offset = RunFolder(folder).entries_after(0)
        journal = cls.__new__(cls)
        journal.folder = folder
        rows = history(entries)
        journal.metrics = {(step, name): value for step, values in rows for name, value in values.items()}
        journal.matrices = {entry["step"] for entry in entries if entry["kind"] == "confusion"}
        journal.artifacts = {entry["path"] for entry in entries if entry["kind"] == "artifact"}
        os.truncate(folder / JOURNAL, offset)
        journal.file = (folder / JOURNAL).open("ab", buffering=0)
        return journal

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

    def log_resume(
        self,
        name: str,
        step: int,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        destination: Mapping[str, Any] | None,
    ) -> None:
        """Write that training goes on after `step` steps; params and tags are those that have changed."""
        target = None if destination is None else dict(destination)
        changed = {"params": dict(params), "tags": dict(tags)}
        writer = process_identity(os.getpid())
        self._write("resume", name=name, step=step, writer=writer, destination=target, **changed)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Write the metrics of a step that are not there yet."""
        new = {name: value for name, value in values.items() if (step, name) not in self.metrics}
        if new:
            self._write("metrics", step=step, values=new)
            self.metrics |= {(step, name): value for name, value in new.items()}

    def log_results(self, values: Mapping[str, float], step: int) -> None:
        """Write the metrics of the end at step 0; those that an earlier end has there, at `step`.

        Nothing is written where an earlier session has come as far: only its time differs.
        """
        earlier = {name for at, name in self.metrics if at == 0}
        if all(self.metrics.get((0, name)) == value for name, value in values.items() if name != TOTAL_TIME):
            values = {name: value for name, value in values.items() if name not in earlier}
        for at, is_there in ((0, False), (step, True)):
            self.log_metrics(at, {name: values[name] for name in values if (name in earlier) == is_there})

    def log_confusion(self, step: int, matrix: Sequence[Sequence[int]]) -> None:
        """Write the confusion matrix (C, C) of the validation set at a step, true classes down."""
        if step not in self.matrices:
            self._write("confusion", step=step, matrix=[list(row) for row in matrix])
            self.matrices.add(step)

    def log_artifacts(self, *paths: str) -> None:
        for path in paths:
            self._write("artifact", path=path)
            self.artifacts.add(path)

    def end(self, status: Status, pruned: str = "") -> None:
        """Write how the run has ended; `pruned`: where a search has ended it, as "epoch 3"."""
        self._write("end", status=status, **({PRUNED: pruned} if pruned else {}))

    def sync(self) -> None:
        """Wait until all entries are on the disk, so that they outlive a loss of power."""
        os.fsync(self.file.fileno())

    def _write(self, kind: str, **entry: Any) -> None:
        """Append an entry; if the disk is full, nothing of it."""
        line = json.dumps({"kind": kind, "time": time.time_ns() // 1_000_000, **entry}) + "\n"
        rest = memoryview((redacted(line) if kind in ("run", "resume") else line).encode())
        start = self.file.seek(0, os.SEEK_END)
        try:
            while rest:
                rest = rest[self.file.write(rest) :]
        except OSError:
            with suppress(OSError):
                self.file.truncate(start)
            raise

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def is_abandoned(path: Path) -> bool:
    """Return whether a journal has no first line although its process had the time to write it."""
    while True:
        try:
            with path.open("rb") as file:
                if b"\n" in file.read(FIRST_LINE):
                    return False
            if time.time() - path.stat().st_mtime > FIRST_LINE_WITHIN:
                return True
        except OSError:
            return False
        time.sleep(0.1)


def journal_lock(folder: Path) -> FileLock:
    """Return the lock to decide that a run has died, or goes on: of two processes, one does."""
    return FileLock(folder / JOURNAL_LOCK, timeout=LOCK_TIMEOUT, mode=MODE)


def process_identity(pid: int) -> dict[str, Any]:
    """Return the identity of a process: host, PID, start in clock ticks (PIDs are used again)."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        began = "" if state in ENDED_STATES else rest[18]
    except (OSError, ValueError, IndexError):
        began = ""
    return {"host": platform.node(), "pid": pid, "began": began}


def is_running_here(writer: Mapping[str, Any]) -> bool:
    """Return whether a process of this machine is known to have that identity."""
    return bool(writer["began"]) and process_identity(writer["pid"]) == writer


def close(folder: Path, status: Status) -> None:
    """End the journal of a run whose process died, at its last entry's time; drop an incomplete line."""
    with journal_lock(folder):
        entries, offset = RunFolder(folder).entries_after(0)
        if end_of(entries) is not None or is_running_here(head_of(entries)["writer"]):
            return  # resumed meanwhile
        end = {"kind": "end", "time": entries[-1]["time"], "status": status, DIED: True}
        with (folder / JOURNAL).open("r+b") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(json.dumps(end).encode() + b"\n")
