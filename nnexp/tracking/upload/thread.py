"""Background upload thread: sends batches of entries to a store, in order, with retries."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import uniform
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any

from filelock import Timeout

from nnexp.messages import first_line
from nnexp.redaction import redacted
from nnexp.run_folder import Entry
from nnexp.tracking.mlflow.images import DrawConfusion
from nnexp.tracking.mlflow.patience import OVERLOADED
from nnexp.tracking.mlflow.store_errors import SERVERS, StoreError, describe_status, explain_error
from nnexp.tracking.mlflow.writer import MlflowRunWriter
from nnexp.tracking.run_lock import run_lock

RETRY_INTERVAL, MAX_PAUSE = 2.0, 30.0  # seconds after the first failure, and after many
SHARE = 5  # times as long as a call has taken, a server has rest from this client: many share it
SERVER_TIMEOUT = 10.0  # seconds without a heartbeat, at the end of a run
DATABASE_TIMEOUT = 300.0  # the same: databases do not hang, but are slow where many processes share a core
BUSY_TIMEOUT = 300.0  # the same, where a server says that it has too much to do
SHOW_AFTER = 3.0  # seconds of waiting at the end of a run, after which it says for what
LOCK_TIMEOUT = 60.0  # seconds
BATCHES_PER_CALL = 50  # a store is faster with few calls, but there should be heartbeats between them
Batch = tuple[Sequence[Entry], int | None]  # and the offset in the journal after them, if they are its next
Outputs = tuple[list[str], list[str]]  # paths of new files in a run's folder, messages of those that failed


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """What an upload needs from the layers above tracking."""

    make_outputs: Callable[[Path], Outputs]  # draws the plots and writes the prediction tables of a run
    fetch_baseline: Callable[[Path, str, Mapping[str, Any]], str]
    """Saves the reports of tracking.baseline, a run of that destination; returns a warning."""
    draw_confusion: DrawConfusion
    save_views: Callable[[Path, str | None], object] = lambda folder, uri: None
    """Saves the views of an experiment once a sweep has ended: its parent run's folder, another store."""
    prepare: Callable[[], object] = lambda: None  # starts what `make_outputs` needs; may be called again


class UploadThread(Thread):
    """Sends batches of entries of a run, as soon as `ready` is set; `finish` waits for the last one."""

    def __init__(self, folder: Path, draw_confusion: DrawConfusion, ready: Event, start: int = 0) -> None:
        super().__init__(daemon=True, name=f"upload of {folder.name}")
        self.folder = folder
        self.session_start = start  # in the journal; batches are of what comes after it
        self.draw_confusion = draw_confusion
        self.timeout = self.busy_timeout = float("inf")  # seconds without a heartbeat, once the run has ended
        self.status: int | None = None  # with which a busy server has answered last
        self.waits_for = ""  # it, in words
        self.ready = ready
        self.batches: deque[Batch] = deque()
        self.changed = Condition()
        self.complete = self.abandoned = self.is_remote = False
        self.error = self.run_id = self.note = self.uri = ""
        self.last_heartbeat = monotonic()
        self.start()

    def put(self, entries: Sequence[Entry], offset: int | None = None) -> None:
        """Add a batch; with it, the store has the journal up to `offset`."""
        if entries:
            with self.changed:
                self.batches.append((entries, offset))
                self.changed.notify_all()

    def finish(
        self,
        timeout: float = SERVER_TIMEOUT,
        busy_timeout: float = BUSY_TIMEOUT,
        show: Callable[[str], object] = lambda text: None,
    ) -> str:
        """Wait until all is sent, sending fails once more, or there is no heartbeat; returns the error.

        `show` gets the reason of a longer wait.
        """
        self.ready.wait()
        with self.changed:
            self.timeout = timeout if self.is_remote else max(timeout, DATABASE_TIMEOUT)
            self.busy_timeout = busy_timeout
            self.complete = True
            self.heartbeat()
            self.changed.notify_all()
        shown = ""
        while self.is_alive() and monotonic() - self.last_heartbeat < self.limit(self.status):
            if self.waits_for not in ("", shown) and monotonic() - self.last_heartbeat > SHOW_AFTER:
                shown = self.waits_for
                show(shown)
            self.join(0.02)
        if self.is_alive():
            with self.changed:
                self.abandoned = True
                self.changed.notify_all()
            limit = self.limit(self.status)
            return self.error or self.waits_for or f"the store has not answered for {limit:g} s"
        return self.error

    def limit(self, status: int | None) -> float:
        """Return the seconds without a heartbeat after which a server that answers so is given up."""
        return self.busy_timeout if status in OVERLOADED else self.timeout

    def run(self) -> None:
        self.ready.wait()
        try:
            from nnexp.tracking.mlflow.patient_retry import patient
        except Exception as error:  # noqa: BLE001, an mlflow that cannot be imported raises anything
            self.error = explain(error)
            return None

        while True:  # the process of a run that was resumed at once may still be uploading it
            is_last_try = self.complete
            try:
                with run_lock(self.folder, LOCK_TIMEOUT), patient(self):
                    return self.send_all()
            except Timeout:
                self.error = "another process is uploading this run"
            if is_last_try:
                return None

    def send_all(self) -> None:
        """Send batches as they come; after an error, wait and send them again."""
        writer: MlflowRunWriter | None = None
        failures = 0
        while batches := self.next_batches():
            is_last_try = self.complete
            began = monotonic()
            entries = [entry for batch, _ in batches for entry in batch]
            offset = max((offset for _, offset in batches if offset is not None), default=None)
            try:
                if writer is None:
                    arguments = self.folder, self.draw_confusion, None, self.heartbeat
                    writer = MlflowRunWriter(*arguments, is_new=not self.session_start)
                self.uri = writer.uri
                self.is_remote = writer.uri.startswith(SERVERS)
                writer.refusals.is_last_try = is_last_try
                if self.session_start:
                    writer.check_store()
                    writer.send_earlier(self.session_start)
                    self.session_start = 0
                writer.send(entries, offset)
            except Exception as error:  # noqa: BLE001, no failure may lose the run
                self.error = explain(error, writer)
                self.run_id = writer.state.run_id if writer else ""
                if self.abandoned or is_last_try:
                    return
                failures += 1
                self.pause(min(RETRY_INTERVAL * 2 ** (failures - 1), MAX_PAUSE))
                continue
            self.error = ""
            failures = 0
            self.run_id = writer.state.run_id
            self.note = writer.state.refused
            for _ in batches:
                self.batches.popleft()
            if self.abandoned:
                return
            if self.is_remote:
                self.pause(min(SHARE * (monotonic() - began), MAX_PAUSE))

    def pause(self, seconds: float) -> None:
        """Wait about so long, only until the run has ended."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.abandoned or self.complete,
                seconds * uniform(0.5, 1.0),  # noqa: S311, not all clients at the same time
            )

    def may_wait(self, status: int | None) -> bool:
        """Return whether a request is sent again: as long as the run goes on, then for half of the limit.

        The other half is for what else the server may take.
        """
        is_late = self.complete and monotonic() - self.last_heartbeat >= self.limit(status) / 2
        return not (self.abandoned or is_late)

    def wait(self, seconds: float, status: int | None) -> None:
        """Wait so long for a busy server, or until the run ends."""
        self.status = status
        self.waits_for = f"MLflow at {redacted(self.uri)}: {describe_status(status)}"
        was_complete = self.complete
        with self.changed:
            self.changed.wait_for(lambda: self.abandoned or self.complete != was_complete, seconds)

    def next_batches(self) -> list[Batch]:
        """Wait for batches that are not sent yet and return the first ones; none: there will be no more."""
        with self.changed:
            self.changed.wait_for(lambda: self.batches or self.complete)
            return list(islice(self.batches, BATCHES_PER_CALL))

    def heartbeat(self) -> None:
        self.last_heartbeat = monotonic()
        self.status = None
        self.waits_for = ""


def explain(error: Exception, writer: MlflowRunWriter | None = None) -> str:
    """Explain an error of an upload in one line, without a password."""
    if isinstance(error, StoreError):
        return str(error)
    if writer is not None:
        return explain_error(writer.uri, error)
    return redacted(f"{type(error).__name__}: {first_line(error)}")
