"""A thread that sends what it is given to a store, in order; again, where that fails. It holds nobody up."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic

from filelock import FileLock, Timeout

from nnexp.redaction import redacted
from nnexp.tracking.journal import Entry
from nnexp.tracking.mlflow.store import SERVERS, StoreError, first_line, in_words
from nnexp.tracking.mlflow.writer import MlflowRunWriter

PAUSE = 2.0  # seconds between two tries
PATIENCE = 10.0  # seconds without a sign of life from a server, at the end of a run
FOR_DATABASES = 300.0  # which do not hang, but are slow where many processes share a core
AT_ONCE = 50  # lots: a store is quicker with few calls, but is to show life between them
LOCK = ".shipping.lock"
"""In a run's folder: held by whoever ships it."""


class UploadThread(Thread):
    """Sends lots of entries; `finish` waits for the last one.

    Args:
        folder: of the run; its journal has begun.
        uri: another store than the journal's.
        before: what must have happened first.
    """

    def __init__(self, folder: Path, uri: str | None = None, before: Event | None = None) -> None:
        super().__init__(daemon=True, name=f"sender of {folder.name}")
        self.folder, self.uri, self.before = folder, uri, before
        self.lots: deque[tuple[Sequence[Entry], int | None]] = deque()
        self.changed = Condition()
        self.complete = self.abandoned = self.remote = False
        self.error = self.run_id = ""
        self.alive_at = monotonic()
        self.start()

    def put(self, entries: Sequence[Entry], offset: int | None = None) -> None:
        """Send these too; with them, the store has the journal up to `offset`."""
        if entries:
            with self.changed:
                self.lots.append((entries, offset))
                self.changed.notify_all()

    def finish(self, patience: float = PATIENCE) -> str:
        """Wait until all is sent, or the store has failed once more, or given no sign of life for so many seconds; returns the trouble."""
        if self.before is not None:
            self.before.wait()
        with self.changed:
            self.complete = True
            self.alive_at = monotonic()
            self.changed.notify_all()
        patience = patience if self.remote else max(patience, FOR_DATABASES)
        while self.is_alive() and monotonic() - self.alive_at < patience:
            self.join(0.02)
        if self.is_alive():
            self.abandoned = True
            return self.error or f"the store has not answered for {patience:g} s"
        return self.error

    def run(self) -> None:
        if self.before is not None:
            self.before.wait()
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.error = "somebody else is shipping this run"
            return
        try:
            self.send_all()
        finally:
            lock.release()  # the file stays: another may be waiting for it

    def send_all(self) -> None:
        shipment: MlflowRunWriter | None = None
        while lots := self.next_lots():
            last = self.complete
            try:
                shipment = shipment or MlflowRunWriter(self.folder, self.uri, self.show_life)
                self.remote = shipment.uri.startswith(SERVERS)
                offsets = [offset for _, offset in lots if offset is not None]
                shipment.send([entry for entries, _ in lots for entry in entries], max(offsets, default=None))
            except Exception as error:  # noqa: BLE001, whatever a server, a disk or a network can do must not lose the run
                self.error = told(error, shipment)
                self.run_id = shipment.ledger.run_id if shipment else ""
                if last or self.abandoned:
                    return
                with self.changed:
                    self.changed.wait_for(lambda: self.complete, PAUSE)
                continue
            self.error, self.run_id = "", shipment.ledger.run_id
            for _ in lots:
                self.lots.popleft()
            if self.abandoned:
                return

    def next_lots(self) -> list[tuple[Sequence[Entry], int | None]]:
        """The first lots that are not sent yet; waits for one; none where there will be none."""
        with self.changed:
            self.changed.wait_for(lambda: self.lots or self.complete)
            return list(islice(self.lots, AT_ONCE))

    def show_life(self) -> None:
        """The store has taken something."""
        self.alive_at = monotonic()


def told(error: Exception, shipment: MlflowRunWriter | None = None) -> str:
    """What went wrong, in a line, without a password."""
    if isinstance(error, StoreError):
        return str(error)
    return (
        in_words(shipment.uri, error)
        if shipment
        else redacted(f"{type(error).__name__}: {first_line(error)}")
    )
