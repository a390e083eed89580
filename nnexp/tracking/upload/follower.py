"""Follows the journal of a run while it grows; has it uploaded, and plots drawn at the end."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from nnexp.run_folder import Entry, RunFolder
from nnexp.tracking.upload.callbacks import Callbacks
from nnexp.tracking.upload.client import Outcome
from nnexp.tracking.upload.system_metrics import SystemMetrics
from nnexp.tracking.upload.thread import UploadThread, explain
from nnexp.tracking.upload.throttle import Throttle

POLL_INTERVAL = 0.05  # seconds
IMPORT_DELAY = 2.0  # seconds that the import of mlflow pauses when a run starts: a short run is over by then
PREPARE_AFTER = 5.0  # seconds: a longer run has plots prepared while it trains


@dataclass
class ProcessState:
    """State of the upload process."""

    closed: Event = field(default_factory=Event)  # the process that trains has ended
    imported: Event = field(default_factory=Event)  # mlflow is imported, or cannot be
    throttle: Throttle = field(default_factory=Throttle)  # of that import


class JournalFollower:
    """Follows the journal of one run to its end, where a store without a heartbeat has `timeout` seconds."""

    def __init__(self, folder: Path, callbacks: Callbacks, process: ProcessState, timeout: float) -> None:
        self.folder = folder
        self.callbacks = callbacks
        self.process = process
        self.timeout = timeout
        self.offset = 0
        self.pending = self.read_new()
        self.note = ""
        head = self.pending[0]
        destination = head["destination"] or {}
        self.baseline = Thread(target=self.fetch_baseline, args=(destination,), daemon=True)
        self.baseline.start()
        self.system = SystemMetrics(folder, head["writer"]["pid"], destination.get("system"))
        self.thread: UploadThread | None = None
        if destination:
            self.thread = UploadThread(folder, callbacks.draw_confusion, process.imported)

    def follow(self) -> Outcome:
        """Upload the run until its journal ends; returns the outcome."""
        prepare_at = time.monotonic() + PREPARE_AFTER
        self.process.throttle.hold(IMPORT_DELAY)
        while True:
            closed = self.process.closed.is_set()  # before reading: all that was written until then is read
            self.pending += self.read_new()
            ended = any(entry["kind"] == "end" for entry in self.pending)
            if ended or closed:
                break
            self.put(self.pending + self.system.sample_if_due(), self.offset)
            self.pending = []
            if time.monotonic() > prepare_at:
                prepare_at = float("inf")
                with suppress(OSError):  # `make_outputs` reports it
                    self.callbacks.prepare()
            time.sleep(POLL_INTERVAL)
        self.process.throttle.release()
        if not ended:  # the process died
            self.pending.append({"kind": "end", "time": time.time_ns() // 1_000_000, "status": "FAILED"})
        self.put([*self.pending[:-1], {"kind": "model"}])  # the model is uploaded while plots are drawn
        self.put([{"kind": "artifact", "path": path} for path in self.make_outputs()])
        self.put(self.pending[-1:], self.offset)
        if self.thread is None:
            return Outcome(note=self.note)
        error = self.thread.finish(self.timeout)
        return Outcome(self.thread.run_id, error, self.note)

    def read_new(self) -> list[Entry]:
        """Read the journal's new entries."""
        entries, self.offset = RunFolder(self.folder).entries_after(self.offset)
        return entries

    def put(self, entries: list[Entry], offset: int | None = None) -> None:
        if self.thread is not None:
            self.thread.put(entries, offset)

    def fetch_baseline(self, destination: dict[str, Any]) -> None:
        """Fetch the confusion matrices of tracking.baseline, as soon as mlflow is there."""
        if (name := destination.get("baseline")) is not None:
            self.process.imported.wait()
            self.note = self.callbacks.fetch_baseline(self.folder, name, destination)

    def make_outputs(self) -> list[str]:
        """Make plots and tables and return their paths; no failure of theirs costs the run's record."""
        try:
            self.callbacks.prepare()
            if self.baseline.is_alive():
                self.process.imported.wait()  # the timeout is for the store, not for the import before
            self.baseline.join(self.timeout)
            paths, failures = self.callbacks.make_outputs(self.folder)
        except OSError as error:
            paths, failures = [], [explain(error)]
        if failures:
            self.note = f"could not be drawn: {'; '.join(failures)}"
        return paths
