"""Uploads runs that did not reach their store, or not completely, from their folders."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal

from filelock import Timeout

from nnexp.redaction import redacted
from nnexp.run_folder import JOURNAL, RunFolder, end_of, head_of
from nnexp.tracking.active_runs import is_alive
from nnexp.tracking.journal import close
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.patience import Deadline
from nnexp.tracking.mlflow.store import URI_VARIABLE
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.upload_state import read_states
from nnexp.tracking.mlflow.writer import MlflowRunWriter
from nnexp.tracking.run_lock import run_lock
from nnexp.tracking.upload.system_metrics import read_system_metrics
from nnexp.tracking.upload.thread import Callbacks, explain

PASSWORDS = {  # environment variables that are sent to a store, by the start of its URI
    "http": ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    "postgresql": ("PGPASSWORD",),
}
State = Literal["waiting", "uploaded", "running", "untracked", "unreadable"]


@dataclass(frozen=True)
class LocalRun:
    """A run's folder and state: waiting for an upload, ..., untracked (it has no store), unreadable."""

    folder: Path
    name: str
    state: State


@dataclass(frozen=True)
class Upload:
    """The outcome of an upload: an error, what the store did not take, whether anything or all was sent."""

    error: str = ""
    note: str = ""
    sent: bool = True
    complete: bool = True


def find_runs(*folders: Path, uri: str | None = None) -> Iterator[LocalRun]:
    """Find every run in these folders or below them, the oldest first; their state is that in a store."""
    journals = {path.resolve() for folder in folders for path in folder.rglob(JOURNAL)}
    for path in sorted(journals):
        yield read_run(path.parent, uri)


def read_run(folder: Path, uri: str | None = None) -> LocalRun:
    """Read the state of a run, for its own store or for another one at `uri`."""
    try:
        entries = RunFolder(folder).entries()
        head = head_of(entries)
        name, destination, writer = (head[key] for key in ("name", "destination", "writer"))
        head["id"]  # without it, it would be uploaded twice
    except (OSError, ValueError, IndexError, KeyError, StopIteration):
        return LocalRun(folder, folder.name, "unreadable")
    if destination is None:
        return LocalRun(folder, name, "untracked")
    if is_uploaded(folder, destination, uri):
        return LocalRun(folder, name, "uploaded")
    running = end_of(entries) is None and is_alive(writer, folder)
    return LocalRun(folder, name, "running" if running else "waiting")


def upload_uri(folder: Path, uri: str | None = None) -> str:
    """Return the tracking URI that a run is uploaded to: of its own store, or of another one at `uri`."""
    return Destination.of(folder, head_of(RunFolder(folder).entries())["destination"], uri).uri


def is_uploaded(folder: Path, recorded: Mapping[str, Any], uri: str | None) -> bool:
    """Return whether the store at `uri` has a run; without one, whether its own store or any other has it."""
    sessions = len(RunFolder(folder).sessions())
    done = {store for store, state in read_states(folder).items() if state.has_all(sessions)}
    try:
        target = Destination.of(folder, recorded, uri)
    except StoreError:  # there is no such store now
        return bool(done)
    if not target.exists:
        done.discard(target.store)
    return target.store in done if uri else bool(done)


def upload(
    folder: Path,
    callbacks: Callbacks,
    uri: str | None = None,
    show: Callable[[str], object] = lambda text: None,
) -> Upload:
    """Upload what the store of a run, or another one at `uri`, does not have yet.

    A busy server is waited for; `show` gets the reason.
    """
    from nnexp.tracking.mlflow.patient_retry import patient

    writer: MlflowRunWriter | None = None
    patience = Deadline(show)
    try:
        with run_lock(folder), patient(patience):
            writer = MlflowRunWriter(folder, callbacks.draw_confusion, uri, patience.heartbeat)
            if uri is None:
                check_recorded_uri(writer.uri)
            writer.refusals.is_last_try = True
            if writer.check_store():
                return Upload(sent=False)
            send_rest(writer, callbacks)
    except Timeout:
        return Upload(error="another process is uploading it at this moment")
    except Exception as error:  # noqa: BLE001, of a server, a disk or a network: the next run may be fine
        return Upload(error=explain(error, writer))
    return Upload(note=writer.state.refused, complete=writer.state.done)


def check_recorded_uri(uri: str, remedy: str = ", or use --uri") -> None:
    """Raise a StoreError if a journal, which may be a stranger's, would get this environment's password."""
    passwords = next((names for scheme, names in PASSWORDS.items() if uri.lower().startswith(scheme)), ())
    name = next(filter(os.environ.get, passwords), None)
    if name and os.environ.get(URI_VARIABLE, "").rstrip("/") != uri.rstrip("/"):
        problem = f"its journal names {redacted(uri)}, which would get this environment's {name}"
        raise StoreError(f"{problem}; fix: if you trust that store, set {URI_VARIABLE} to it{remedy}")


def send_rest(writer: MlflowRunWriter, callbacks: Callbacks) -> None:
    """Send the rest of a run, as the upload process would have."""
    run = writer.run_folder
    if end_of(run.entries()) is None:
        close(run.path, "FAILED")
        if end_of(run.entries()) is None:
            raise StoreError("it was resumed at this moment")
    if name := writer.settings.get("baseline"):
        callbacks.fetch_baseline(run.path, name, writer.settings)
    start = run.sessions()[-1]
    writer.send_earlier(start)
    entries, offset = run.entries_after(max(start, writer.state.offset))
    *rest, end = entries
    paths: list[str] = []
    with writer.refusals.readable("plots"):
        paths, _ = callbacks.make_outputs(run.path)
    artifacts = [{"kind": "artifact", "path": path} for path in paths]
    writer.remember_results(run.entries())
    writer.send_in_chunks([*rest, *read_system_metrics(run.path), *artifacts, end], offset)


def send_so_far(folder: Path, callbacks: Callbacks, ready: Event) -> None:
    """Send what the journal of a run that goes on holds when `ready`; what fails is sent with the rest."""
    ready.wait()
    with suppress(Exception), run_lock(folder):
        writer = MlflowRunWriter(folder, callbacks.draw_confusion)
        writer.check_store()
        writer.send_new()


def upload_artifacts(folder: Path, paths: Sequence[str]) -> Upload:
    """Upload files of the folder of a run that its store has already."""
    writer: MlflowRunWriter | None = None
    try:
        with run_lock(folder):
            writer = MlflowRunWriter(folder, lambda *_: None)
            check_recorded_uri(writer.uri, remedy="")
            if not writer.find_run():
                return Upload(sent=False)
            writer.send([{"kind": "artifact", "path": path} for path in paths])
    except Timeout:
        return Upload(error="another process is uploading it at this moment")
    except Exception as error:  # noqa: BLE001, of a server, a disk or a network
        return Upload(error=explain(error, writer))
    return Upload(note=writer.refusals.describe(model_in_run=False))


def set_final_status(folder: Path) -> None:
    """Set the status of a run that has ended in its store; `nnexp sync` uploads the rest."""
    writer = MlflowRunWriter(folder, lambda *_: None)
    end = end_of(writer.run_folder.entries())
    if end is not None and writer.state.run_id:
        writer.client.set_terminated(writer.state.run_id, end["status"], end["time"])
