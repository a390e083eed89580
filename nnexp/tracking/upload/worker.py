"""The upload process: uploads the journals of runs to MLflow, and has their plots drawn, beside training.

Importing mlflow and matplotlib takes seconds of pure Python; in a thread, it would hold the interpreter lock
that training needs between two matrix products. So this is a process of its own, at low priority, and another
one draws. It serves all runs of the process that started it; when its input ends it finishes what it has and
exits. A run whose process died by then gets the status FAILED.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any, TextIO

from nnexp.run_folder import Entry, RunFolder, has_plots, head_of, is_parent
from nnexp.tracking.journal import close, is_running_here
from nnexp.tracking.upload.client import Outcome
from nnexp.tracking.upload.fork_server import OPTION
from nnexp.tracking.upload.process_setup import (
    detach,
    import_mlflow,
    redirect_stdout,
    send_line,
    set_environment,
    store_modules,
)
from nnexp.tracking.upload.sync import send_so_far
from nnexp.tracking.upload.system_metrics import SystemMetrics
from nnexp.tracking.upload.thread import BUSY_TIMEOUT, SERVER_TIMEOUT, Callbacks, UploadThread, explain
from nnexp.tracking.upload.throttle import Throttle

POLL_INTERVAL = 0.05  # seconds
SEND_INTERVAL = 1.0  # seconds from what is sent to the store while a run goes on to what follows it
EXIT_TIMEOUT = 5.0  # seconds
IMPORT_DELAY = 2.0  # seconds that the import of mlflow pauses when a run starts: a short run is over by then
PREPARE_AFTER = 5.0  # seconds: a longer run has plots prepared while it trains
BACKGROUND_TIMEOUT = 120.0  # seconds without a heartbeat of a server, where nothing waits for the upload
GRACE_PERIOD, SHORT_TIMEOUT = 60.0, 3.0  # seconds after an error in which the store's timeout is short


class UploadWorker:
    """Serves the process that started this one, until the input ends."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.closed = Event()  # the process that trains has ended
        self.imported = Event()  # mlflow is imported, or cannot be
        self.throttle = Throttle()  # of that import
        self.orders: Queue[dict[str, Any] | None] = Queue()

    def run(self, fork: Callable[[], object] = lambda: None) -> None:
        """Serve; `fork` is called while this process has one thread."""
        detach()
        output = redirect_stdout()
        fork()
        Thread(target=self.read_orders, daemon=True).start()
        server = Thread(target=self.serve, args=(output,))
        server.start()
        with suppress(Exception):  # reported by what needs it
            if {"--mlflow", OPTION} & set(sys.argv):
                with self.throttle:
                    import_mlflow(*store_modules())
            else:
                self.callbacks.prepare()
        self.imported.set()
        server.join()

    def read_orders(self) -> None:
        """Queue the lines of standard input; exit at once if it ends before the first."""
        any_order = False
        for line in sys.stdin:
            any_order = True
            self.orders.put(json.loads(line))
        self.closed.set()
        self.orders.put(None)
        if not any_order:
            os._exit(0)  # without waiting for the imports

    def serve(self, output: TextIO) -> None:
        """Upload one run after the other; writes an outcome per line."""
        failed_at = float("-inf")
        while (order := self.orders.get()) is not None:
            set_environment(order["settings"])
            if order.get("so_far"):
                send_so_far(Path(order["folder"]), self.callbacks, self.imported)
                continue
            recent = time.monotonic() - failed_at <= GRACE_PERIOD  # not every run of a sweep waits long
            in_background = bool(order.get("in_background"))
            timeout = BACKGROUND_TIMEOUT if in_background else SERVER_TIMEOUT
            timeouts = (SHORT_TIMEOUT, SHORT_TIMEOUT) if recent else (timeout, BUSY_TIMEOUT)
            show = partial(send_line, output, folder=order["folder"])
            try:
                outcome = JournalFollower(self, Path(order["folder"]), *timeouts, show).follow()
            except Exception as error:  # noqa: BLE001, an unexpected error of one run must not cost the next
                outcome = Outcome(error=explain(error))
            if outcome.error:
                failed_at = time.monotonic()
            show(**asdict(outcome))


class JournalFollower:
    """Follows the journal of one run to its end.

    A store without a heartbeat then has `timeout` seconds, a busy server `busy_timeout`; `show` gets the
    reason of a longer wait as `waits_for`.
    """

    def __init__(
        self,
        worker: UploadWorker,
        folder: Path,
        timeout: float,
        busy_timeout: float,
        show: Callable[..., None] = lambda **fields: None,
    ) -> None:
        self.worker = worker
        self.callbacks = worker.callbacks
        self.folder = folder
        self.timeout = timeout
        self.busy_timeout = busy_timeout
        self.show = show
        self.run = RunFolder(folder)
        self.start = self.offset = self.run.sessions()[-1]
        self.pending = self.read_new()
        self.note = ""
        self.head = head_of(self.run.entries())
        destination = self.head["destination"] or {}
        self.baseline = Thread(target=self.fetch_baseline, args=(destination,), daemon=True)
        self.baseline.start()
        self.system = SystemMetrics(folder, self.head["writer"]["pid"], destination.get("system"))
        self.thread: UploadThread | None = None
        if destination:
            arguments = folder, self.callbacks.draw_confusion, worker.imported, self.start
            self.thread = UploadThread(*arguments)

    def follow(self) -> Outcome:
        """Upload the run until its journal ends; returns the outcome."""
        prepare_at = time.monotonic() + PREPARE_AFTER
        send_at = 0.0
        self.worker.throttle.hold(IMPORT_DELAY)
        while True:
            closed = self.worker.closed.is_set()  # before reading: all that was written until then is read
            self.pending += self.read_new()
            ended = any(entry["kind"] == "end" for entry in self.pending)
            if ended or closed:
                break
            self.pending += self.system.sample_if_due()
            if self.pending and time.monotonic() >= send_at:
                self.put(self.pending, self.offset)
                self.pending = []
                send_at = time.monotonic() + SEND_INTERVAL
            if time.monotonic() > prepare_at and has_plots(self.head):
                prepare_at = float("inf")
                with suppress(OSError):  # `make_outputs` reports it
                    self.callbacks.prepare()
            time.sleep(POLL_INTERVAL)
        self.worker.throttle.release()
        if not ended:  # the process has died, or is about to
            self.wait_for_exit()
            close(self.folder, "FAILED")
            self.pending += self.read_new()
        *rest, end = self.pending
        rest.append({"kind": "model"})
        if has_plots(self.head):  # the model is uploaded while they are drawn
            self.put(rest)
            rest = []
        rest += [{"kind": "artifact", "path": path} for path in self.make_outputs()]
        self.put([*rest, end], self.offset)
        if self.thread is None:
            return Outcome(note=self.note)
        show = self.show
        error = self.thread.finish(self.timeout, self.busy_timeout, lambda text: show(waits_for=text))
        if not error and is_parent(self.head):
            self.callbacks.save_views(self.folder, None)
        note = "; ".join(filter(None, [self.thread.note, self.note]))
        return Outcome(self.thread.run_id, error, note)

    def wait_for_exit(self) -> None:
        """Wait until the process that trained has ended: its files are closed some moments earlier."""
        writer = head_of(self.run.entries())["writer"]
        deadline = time.monotonic() + EXIT_TIMEOUT
        while is_running_here(writer) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)

    def read_new(self) -> list[Entry]:
        """Read the entries since the last call; those of a later session belong to another process."""
        entries, offset = self.run.entries_after(self.offset)
        if any(entry["kind"] == "resume" for entry in entries):
            later = next((start for start in self.run.sessions() if start > self.start), None)
            entries, offset = self.run.entries_after(self.offset, later)
        self.offset = offset
        return entries

    def put(self, entries: list[Entry], offset: int | None = None) -> None:
        if self.thread is not None:
            self.thread.put(entries, offset)

    def fetch_baseline(self, destination: dict[str, Any]) -> None:
        """Fetch the confusion matrices of tracking.baseline, as soon as mlflow is there."""
        if (name := destination.get("baseline")) is not None:
            self.worker.imported.wait()
            self.note = self.callbacks.fetch_baseline(self.folder, name, destination)

    def make_outputs(self) -> list[str]:
        """Make plots and tables and return their paths; no failure of theirs costs the run's record."""
        if is_parent(self.head):  # its report is made by the sweep
            return []
        try:
            if self.baseline.is_alive():
                if has_plots(self.head):
                    self.callbacks.prepare()
                self.worker.imported.wait()  # the timeout is for the store, not for the import before
            if not has_plots(self.head):  # tables are written in this process, whose import hides pyarrow
                self.worker.imported.wait()
            self.baseline.join(self.timeout)
            paths, failures = self.callbacks.make_outputs(self.folder)
        except Exception as error:  # noqa: BLE001
            paths = []
            failures = [explain(error)]
        if failures:
            self.note = f"could not be drawn: {'; '.join(failures)}"
        return paths
