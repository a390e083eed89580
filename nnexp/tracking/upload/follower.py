"""Follows the journal of a run while it grows; has it uploaded, and plots drawn at the end."""

import time
from contextlib import suppress
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


class JournalFollower:
    """Follows the journal of one run to its end.

    Args:
        folder: the run's; its journal has begun.
        callbacks: functions of higher layers.
        closed: set when the process that writes the journal has ended.
        imported: set when mlflow is imported.
        throttle: of that import.
        timeout: seconds to wait for a store without a heartbeat, at the end.
    """

    def __init__(
        self,
        folder: Path,
        callbacks: Callbacks,
        *,
        closed: Event,
        imported: Event,
        throttle: Throttle,
        timeout: float,
    ) -> None:
        self.folder = folder
        self.callbacks = callbacks
        self.closed = closed
        self.imported = imported
        self.throttle = throttle
        self.timeout = timeout
        self.prepare_at = time.monotonic() + PREPARE_AFTER
        self.offset = 0
        self.pending = self.read_new()
        head = self.pending[0]
        destination = head["destination"] or {}
        self.note = ""
        self.baseline = Thread(target=self.fetch_baseline, args=(destination,), daemon=True)
        self.baseline.start()
        self.thread = UploadThread(folder, callbacks.draw_confusion, imported) if destination else None
        self.system = SystemMetrics(folder, head["writer"]["pid"], destination.get("system"))

    def follow(self) -> Outcome:
        """Upload the run until its journal ends; returns the outcome."""
        self.throttle.hold(IMPORT_DELAY)
        while True:
            closed = self.closed.is_set()  # before reading: what was written until then is read
            self.pending += self.read_new()
            ended = any(entry["kind"] == "end" for entry in self.pending)
            if ended or closed:
                break
            self.put(self.pending + self.system.sample_if_due(), self.offset)
            self.pending = []
            if time.monotonic() > self.prepare_at:
                self.prepare_at = float("inf")
                with suppress(OSError):  # `make_outputs` reports it
                    self.callbacks.prepare()
            time.sleep(POLL_INTERVAL)
        self.throttle.release()
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
        """Have entries uploaded, if the run is tracked."""
        if self.thread is not None:
            self.thread.put(entries, offset)

    def fetch_baseline(self, destination: dict[str, Any]) -> None:
        """Fetch the confusion matrices of tracking.baseline, as soon as mlflow is there."""
        if (name := destination.get("baseline")) is not None:
            self.imported.wait()
            self.note = self.callbacks.fetch_baseline(self.folder, name, destination)

    def make_outputs(self) -> list[str]:
        """Make plots and tables and return their paths; no failure of theirs costs the run's record."""
        try:
            self.callbacks.prepare()
            if self.baseline.is_alive():
                self.imported.wait()  # the timeout is for the store, not for the import before
            self.baseline.join(self.timeout)
            paths, failures = self.callbacks.make_outputs(self.folder)
        except OSError as error:
            paths, failures = [], [explain(error)]
        if failures:
            self.note = f"could not be drawn: {'; '.join(failures)}"
        return paths
