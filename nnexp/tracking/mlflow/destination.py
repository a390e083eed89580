"""Where a run is uploaded: the store that its journal names, seen from where its project lies now."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnexp.redaction import HIDDEN, redacted
from nnexp.tracking.mlflow.sqlite.creation import has_store
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, URI_VARIABLE, tracking_uri
from nnexp.tracking.mlflow.store_errors import StoreError

OUTPUTS = "/outputs/"


@dataclass(frozen=True)
class Destination:
    """The store that a run is uploaded to, and its project's folder."""

    uri: str
    home: Path

    @classmethod
    def of(cls, folder: Path, recorded: Mapping[str, Any], uri: str | None = None) -> "Destination":
        """Return the destination of a run's folder: as its journal recorded it, or another store at `uri`.

        A project may have been moved or copied since: its own store is the one beside it now. A run's folder
        that was taken out of its project belongs to the working directory's store.
        """
        home = find_home(folder, recorded)
        return cls(uri or _recorded_uri(recorded, home), home or Path.cwd())

    @property
    def database(self) -> Path | None:
        """The file of an SQLite store."""
        return Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None

    @property
    def exists(self) -> bool:
        """Whether the store may have runs: a database that is missing or half made has none."""
        return self.database is None or has_store(self.database)

    @property
    def store(self) -> str:
        """The store's name in the upload state: its URI without a password, relative within the project."""
        if self.database is None:
            return redacted(self.uri)
        path = self.database.resolve()
        return f"{SQLITE}{path.relative_to(self.home) if path.is_relative_to(self.home) else path}"


def find_home(folder: Path, recorded: Mapping[str, Any]) -> Path | None:
    """Return the folder of the project that a run's folder belongs to; None: it was taken out of it."""
    path = folder.resolve().as_posix()
    home = Path(recorded["folder"])
    run = recorded.get("run") or _below_outputs(path)
    try:
        if home.is_dir() and (home / run).samefile(folder):
            return home
    except OSError:
        pass  # not there any more, or of another user
    return Path(path.removesuffix(run)) if path.endswith(f"/{run}") else None


def path_from_home(folder: Path, home: Path) -> str:
    """Return the path of a run's folder as it is recorded: relative within the project."""
    return (folder.relative_to(home) if folder.is_relative_to(home) else folder).as_posix()


def _below_outputs(path: str) -> str:
    """Return what older journals do not hold: the path of a run's folder from outputs/ on."""
    _, outputs, below = path.rpartition(OUTPUTS)
    return f"{OUTPUTS}{below}".lstrip("/") if outputs else path


def _recorded_uri(recorded: Mapping[str, Any], home: Path | None) -> str:
    """Return the tracking URI that a journal recorded; a password comes from the environment only."""
    uri = recorded["uri"]
    if uri is None:
        return tracking_uri(None) if home is None else f"{SQLITE}{home / DATABASE}"
    if HIDDEN in uri:
        current = os.environ.get(URI_VARIABLE, "")
        if redacted(current) != uri:
            remedy = f"set {URI_VARIABLE} to it, with name and password"
            raise StoreError(f"the run was made for {uri}; fix: {remedy}")
        return current
    path = Path(uri.removeprefix(SQLITE))
    if home is not None and uri.startswith(SQLITE) and path.is_relative_to(recorded["folder"]):
        return f"{SQLITE}{home / path.relative_to(recorded['folder'])}"
    return str(uri)
