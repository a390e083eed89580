"""Runs that never reached their store, or not all of them: found in their folders, and sent."""

import os
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from nnexp.runs.baseline import fetch
from nnexp.tracking import journal
from nnexp.tracking.mlflow.writer import MlflowRunWriter
from nnexp.tracking.upload.state import UploadState
from nnexp.tracking.upload.system_metrics import seen
from nnexp.tracking.upload.thread import LOCK, told

State = Literal["waiting", "shipped", "running", "untracked", "unreadable"]
LATELY = 600  # seconds
BATCH = 200  # entries that are sent at a time


@dataclass(frozen=True)
class Found:
    """A run's folder, and whether it waits to be sent.

    Attributes:
        folder: of the run.
        name: of the run.
        state: waiting: not all of it is in its store; running: it is being trained; untracked: it was to go to none.
    """

    folder: Path
    name: str
    state: State


def find(*places: Path) -> Iterator[Found]:
    """Every run in these folders or below them, the oldest first."""
    journals = {path.resolve() for place in places for path in place.rglob(journal.NAME)}
    for path in sorted(journals):
        yield look(path.parent)


def look(folder: Path) -> Found:
    """How it is with one run."""
    try:
        entries, _ = journal.read(folder)
        head = entries[0]
        destination, name, _ = (
            head["destination"],
            str(head["name"]),
            head["id"],
        )  # without which it would be sent twice
    except (OSError, ValueError, IndexError, KeyError):
        return Found(folder, folder.name, "unreadable")
    if destination is None:
        return Found(folder, name, "untracked")
    if UploadState.of(folder).done:
        return Found(folder, name, "shipped")
    if entries[-1]["kind"] != "end" and lives(head.get("writer"), folder):
        return Found(folder, name, "running")
    return Found(folder, name, "waiting")


def lives(writer: Mapping[str, Any] | None, folder: Path) -> bool:
    """Whether the process that writes a journal still does; of another machine's, whether the journal has grown of late."""
    if writer is None:
        return False
    if writer["host"] != platform.node():
        return time.time() - (folder / journal.NAME).stat().st_mtime < LATELY
    try:
        os.kill(writer["pid"], 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # somebody else's
    return journal.writer(writer["pid"]) == writer


def ship(folder: Path, uri: str | None = None) -> str:
    """Send what the store of a run does not have yet; returns the trouble, empty where there was none.

    Args:
        folder: of the run; nobody writes there any more.
        uri: another store than the run was made for.
    """
    lock, shipment = FileLock(folder / LOCK), None
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return "another process is sending it at this moment"
    try:
        shipment = MlflowRunWriter(folder, uri)
        send(shipment)
    except Exception as error:  # noqa: BLE001, whatever a server, a disk or a network can do: the next run may fare better
        return told(error, shipment)
    finally:
        lock.release()
    return ""


def send(shipment: MlflowRunWriter) -> None:
    """As the shipper would have."""
    folder = shipment.folder
    entries, _ = journal.read(folder)
    if entries[-1]["kind"] != "end":
        journal.close(folder, "FAILED")
        entries, _ = journal.read(folder)
    if text := shipment.head["destination"].get("baseline"):
        fetch(folder, text, shipment.head["destination"])
    rest, end = journal.read(folder, shipment.ledger.offset)
    last = [rest.pop()]
    for start in range(0, len(rest), BATCH):
        shipment.send(rest[start : start + BATCH])
    shipment.remember(entries)
    shipment.send(seen(folder))
    from nnexp.plots import draw_all
    from nnexp.tracking.prediction_tables import write_tables

    outputs = draw_all(folder, entries) + write_tables(folder)
    shipment.send([{"kind": "artifact", "path": path} for path in outputs])
    shipment.send(last, end)
