"""Deletion of runs and sweeps: from their stores, with artifacts and models, and their folders."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from nnexp.messages import listed, plural
from nnexp.runs.backends import RunError, store_errors
from nnexp.runs.housekeeping.records import OUTPUTS, Record, Selection
from nnexp.runs.pages import all_pages
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.relocation import local_path
from nnexp.tracking.run_lock import run_lock

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as StoredVersion
    from mlflow.tracking import MlflowClient

OWN_FOLDERS = ("outputs/runs/*/*", "outputs/sweeps/*/*", "outputs/sweeps/*/*/*")
PURGE = ("_hard_delete_run", "_hard_delete_logged_model")  # methods of MLflow's stores
UPLOAD_TIMEOUT = 10.0  # seconds to wait for an upload that is being finished


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model."""

    name: str
    version: str
    uri: str  # of the store

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class Deletion:
    """Deletes what is selected; `runs` is the store that is open already."""

    def __init__(self, selection: Selection, runs: Runs) -> None:
        self.selection = selection
        self.stores = {runs.uri: runs}
        self.restorable: set[str] = set()  # stores that keep deleted runs until `mlflow gc`

    @property
    def records(self) -> list[Record]:
        """All records, those of the runs before those of their sweeps."""
        return [*self.selection.records, *self.selection.parents]

    @property
    def folders(self) -> list[Path]:
        """The folders that go, those of runs before those of their sweeps."""
        folders = [record.folder for record in self.records if record.folder is not None]
        return list(dict.fromkeys([*folders, *self.selection.folders]))

    def size(self) -> int:
        """Return how many bytes the folders hold."""
        files = {path for folder in self.folders for path in folder.rglob("*") if path.is_file()}
        return sum(path.stat().st_size for path in files)

    def check(self) -> None:
        """Raise a RunError if a run is still being trained, or shares its folder with other files."""
        running = [record.label for record in self.records if record.is_running]
        if running:
            still = f"{plural(len(running), 'run is', 'runs are')} still running: {listed(running)}"
            raise RunError(f"{still}; nothing was deleted; end the training first")
        for folder in self.folders:
            if not is_own(folder):
                problem = f"{folder} is not below outputs/ and may hold files of your own"
                raise RunError(
                    f"{problem}; nothing was deleted; remove it yourself, then delete the run by its id"
                )

    def versions(self) -> list[ModelVersion]:
        """Return the versions of registered models whose files belong to these runs."""
        ids: dict[str, set[str]] = {}
        for record in self.records:
            for uri, run_id in record.ids.items():
                ids.setdefault(uri, set()).add(run_id)
        return [
            ModelVersion(each.name, str(each.version), uri)
            for uri in ids
            for each in self.versions_in(uri)
            if each.run_id in ids[uri]
        ]

    def versions_in(self, uri: str) -> "list[StoredVersion]":
        """Return all versions of registered models of a store."""

        def page(token: str | None, size: int) -> Any:
            return self.client(uri).search_model_versions(max_results=size, page_token=token)

        with store_errors(uri):
            return all_pages(page)

    def delete_versions(self, versions: list[ModelVersion]) -> None:
        """Delete versions of registered models."""
        for each in versions:
            with store_errors(each.uri):
                self.client(each.uri).delete_model_version(each.name, each.version)

    def run(self) -> Iterator[Record]:
        """Delete one run after the other, yielding each, then the folders of sweeps.

        Raises:
            RunError: a store or folder cannot be changed; what was yielded is deleted.
        """
        for record in self.records:
            self.delete(record)
            yield record
        for folder in self.selection.folders:
            remove_folder(folder)

    def delete(self, record: Record) -> None:
        """Delete a run in its stores, then its folder, from which it could be uploaded again."""
        with not_uploading(record):
            for uri, run_id in record.ids.items():
                with store_errors(uri):
                    self.delete_in_store(uri, run_id)
        if record.folder is not None and record.folder not in self.selection.folders:
            remove_folder(record.folder)

    def delete_in_store(self, uri: str, run_id: str) -> None:
        """Delete a run and its models, for good where the store is a database with artifacts on this machine.

        A server keeps deleted runs until its own `mlflow gc`.
        """
        client = self.client(uri)
        run = client.get_run(run_id)
        outputs = run.outputs.model_outputs if run.outputs is not None else []
        models = [client.get_logged_model(each.model_id) for each in outputs]
        store = client._tracking_client.store  # what `mlflow gc` uses, without what else that deletes
        locations = {run_id: run.info.artifact_uri} | {
            each.model_id: each.artifact_location for each in models
        }
        folders = {name: local_path(location) for name, location in locations.items()}
        can_purge = all(hasattr(store, name) for name in PURGE) and None not in folders.values()
        if not can_purge:
            for model in models:
                client.delete_logged_model(model.model_id)
            client.delete_run(run_id)
            self.restorable.add(uri)
            return
        for name, folder in folders.items():
            if folder is not None and folder.parent.name == name:
                shutil.rmtree(folder.parent, ignore_errors=True)
        for model in models:
            store._hard_delete_logged_model(model.model_id)
        store._hard_delete_run(run_id)

    def client(self, uri: str) -> "MlflowClient":
        """Return the client of a store."""
        return self.stores.setdefault(uri, Runs(uri)).client


@contextmanager
def not_uploading(record: Record) -> Iterator[None]:
    """Hold the lock of a run's folder within the block; RunError: an upload holds it."""
    if record.folder is None:
        yield
        return
    try:
        lock = run_lock(record.folder, UPLOAD_TIMEOUT)
        lock.acquire()
    except Timeout:
        raise RunError(f"{record.label} is being uploaded at this moment; try again") from None
    try:
        yield
    finally:
        lock.release()


def is_own(folder: Path) -> bool:
    """Return whether a folder is one that training makes below outputs/, which may be a symbolic link."""
    with suppress(ValueError):
        folder = OUTPUTS / folder.resolve().relative_to(OUTPUTS.resolve())
    return any(folder.match(pattern) for pattern in OWN_FOLDERS)


def remove_folder(folder: Path) -> None:
    """Remove a run's or sweep's folder, and that of its day if it is empty then; RunError: it cannot be."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise RunError(f"{error.filename or folder}: {error.strerror or error}") from error
    with suppress(OSError):
        folder.parent.rmdir()
