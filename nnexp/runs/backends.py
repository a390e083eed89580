"""Where the history and files of a recorded run are read from: its own folder, or an MLflow store."""

import atexit
import math
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nnexp.run_folder import JOURNAL, OF_LAYERS, RESULTS, UPLOAD_STATE, History, RunFolder, history
from nnexp.tracking.mlflow.relocation import local_path
from nnexp.tracking.mlflow.store import list_artifacts
from nnexp.tracking.mlflow.store_errors import StoreError, explain_error

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SYSTEM = "system/"
CONNECTIONS = 8  # at once, to a server


class RunError(StoreError):
    """A run, or something of it, is missing or cannot be read."""


class NoRunsError(RunError):
    """A store has no runs, or is not there."""


@dataclass(frozen=True)
class FolderBackend:
    """A run's own folder."""

    folder: Path

    def history(self) -> History:
        rows = history(RunFolder(self.folder).entries())
        return by_step((step, name, value) for step, row in rows for name, value in row.items())

    def files(self) -> list[str]:
        """List the artifacts: all but journal, upload state, hidden files, and other runs below."""
        top = [path for path in self.folder.glob("*") if not (path / JOURNAL).exists()]
        files = (path for each in top for path in (each, *each.rglob("*")) if path.is_file())
        paths = {path.relative_to(self.folder).as_posix() for path in files} - {JOURNAL, UPLOAD_STATE}
        return sorted(path for path in paths if "/." not in f"/{path}")

    def file(self, path: str) -> Path | None:
        """Return the path of an artifact; None: there is none."""
        local = self.folder / path
        return local if local.is_file() and local.resolve().is_relative_to(self.folder.resolve()) else None


@dataclass(frozen=True)
class MlflowBackend:
    """A run in an MLflow store, with the names of its metrics; local artifacts are read in place."""

    opens: "Callable[[], MlflowClient]"  # the store, whose import takes a second
    uri: str
    run_id: str
    metrics: Iterable[str]
    artifact_uri: str

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store."""
        return self.opens()

    @cached_property
    def folder(self) -> Path | None:
        """The folder of its artifacts, if it is on this machine."""
        return local_path(self.artifact_uri)

    def history(self) -> History:
        """Read the metrics of each step; from a server, several at once."""

        def values_of(name: str) -> list[tuple[int, str, float]]:
            values = self.client.get_metric_history(self.run_id, name)
            return [(metric.step, name, logged_value(metric.value)) for metric in values]

        names = [name for name in self.metrics if not name.startswith((SYSTEM, *RESULTS))]
        connections = CONNECTIONS if self.uri.startswith("http") else 1
        with store_errors(self.uri), ThreadPoolExecutor(connections) as pool:
            return by_step(chain.from_iterable(pool.map(values_of, names)))

    def files(self) -> list[str]:
        if self.folder is not None:
            return FolderBackend(self.folder).files()
        with store_errors(self.uri):
            return sorted(self._files_below(""))

    def file(self, path: str) -> Path | None:
        """Return a local copy of an artifact; None: there is none."""
        if self.folder is not None:
            return FolderBackend(self.folder).file(path)
        with store_errors(self.uri):
            artifacts = list_artifacts(self.uri, self.artifact_uri, path.rpartition("/")[0] or None)
            if not any(artifact.path == path and not artifact.is_dir for artifact in artifacts):
                return None
            local = _downloads() / self.run_id / path
            if not local.is_file():  # a download goes into the folder without its own folders
                self.client.download_artifacts(self.run_id, path, str(local.parent))
            return local

    def _files_below(self, folder: str) -> Iterator[str]:
        for artifact in list_artifacts(self.uri, self.artifact_uri, folder or None):
            yield from self._files_below(artifact.path) if artifact.is_dir else [artifact.path]


Backend: TypeAlias = FolderBackend | MlflowBackend


def by_step(values: Iterable[tuple[int, str, float]]) -> History:
    """Group metrics by step, without system metrics and results; at step 0 there are those of layers only."""
    steps: dict[int, dict[str, float]] = {}
    for step, name, value in values:
        if name.startswith(OF_LAYERS) if step == 0 else not name.startswith((SYSTEM, *RESULTS)):
            steps.setdefault(step, {})[name] = value
    return sorted(steps.items())


def logged_value(value: float) -> float:
    """Return a metric as it was logged: databases hold the largest float in place of infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn any failure of a database, a server or the network into a RunError of one line."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # each backend raises its own types
        raise RunError(explain_error(uri, error)) from error


@cache
def _downloads() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nnexp-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
