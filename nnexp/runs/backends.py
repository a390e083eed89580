"""Where a recorded run's epochs and files are read from: an MLflow store, or the folder that it left."""

import atexit
import math
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlparse
from urllib.request import url2pathname

from nnexp.run_folder import JOURNAL, UPLOAD_STATE, RunFolder, history
from nnexp.tracking.mlflow.store import StoreError, explain_error

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

NO_ARTIFACTS = (JOURNAL, UPLOAD_STATE)  # files of a run's folder that say what is where
SYSTEM = "system/"
ONCE = ("best/", "test/")  # told at step 0: a store need not be asked for more of them
CONNECTIONS = 8  # at once, to a server
History = list[tuple[int, dict[str, float]]]


class RunError(StoreError):
    """There is no such run, or it has not what was asked for: which, and what to do about it."""


class Source(Protocol):
    """Whoever can tell more of a run than its last values."""

    @property
    def folder(self) -> Path | None: ...

    def history(self) -> History: ...

    def files(self) -> list[str]: ...

    def file(self, path: str) -> Path | None:
        """A local copy; None: there is none."""


class Folder:
    """A run's own folder: journal and files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        return self._folder

    def history(self) -> History:
        told = history(RunFolder(self.folder).entries())
        return by_step((step, key, value) for step, values in told for key, value in values.items())

    def files(self) -> list[str]:
        found = (
            path.relative_to(self.folder)
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in NO_ARTIFACTS
        )
        return sorted(
            path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts)
        )

    def file(self, path: str) -> Path | None:
        found = self.folder / path
        return found if found.is_file() and found.resolve().is_relative_to(self.folder.resolve()) else None


class Stored:
    """A run in an MLflow store.

    Args:
        client: of the store.
        uri: of the store.
        run_id: the run's.
        keys: of its metrics.
        artifacts: address of its files; those of this machine are read where they lie.
    """

    def __init__(
        self, client: "MlflowClient", uri: str, run_id: str, keys: Iterable[str], artifacts: str
    ) -> None:
        self.client, self.uri, self.run_id = client, uri, run_id
        self.keys = [key for key in keys if not key.startswith((SYSTEM, *ONCE))]
        place = urlparse(artifacts)
        self.here = Folder(Path(url2pathname(place.path))) if place.scheme in ("", "file") else None

    @property
    def folder(self) -> Path | None:
        return self.here.folder if self.here else None

    def history(self) -> History:
        def of(key: str) -> list[tuple[int, str, float]]:
            return [
                (metric.step, key, number(metric.value))
                for metric in self.client.get_metric_history(self.run_id, key)
            ]

        with told(self.uri):
            if not self.uri.startswith("http"):
                return by_step(entry for key in self.keys for entry in of(key))
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                return by_step(entry for entries in pool.map(of, self.keys) for entry in entries)

    def files(self) -> list[str]:
        if self.here is not None:
            return self.here.files()
        with told(self.uri):
            return sorted(self._below(""))

    def file(self, path: str) -> Path | None:
        if self.here is not None:
            return self.here.file(path)
        folder = str(PurePosixPath(path).parent)
        with told(self.uri):
            beside = self.client.list_artifacts(self.run_id, None if folder == "." else folder)
            if not any(found.path == path and not found.is_dir for found in beside):
                return None
            local = _downloads() / self.run_id / path
            if not local.is_file():
                self.client.download_artifacts(
                    self.run_id, path, str(local.parent)
                )  # which puts it there without its folders
            return local

    def _below(self, folder: str) -> Iterator[str]:
        for found in self.client.list_artifacts(self.run_id, folder or None):
            if found.is_dir:
                yield from self._below(found.path)
            else:
                yield found.path


def by_step(entries: Iterable[tuple[int, str, float]]) -> History:
    """What was told of each step; without the system's metrics and those that are told once, at step 0."""
    steps: dict[int, dict[str, float]] = {}
    last: dict[str, int] = {}
    for step, key, value in entries:
        if not key.startswith(SYSTEM):
            steps.setdefault(step, {})[key] = value
            last[key] = max(last.get(key, 0), step)
    kept = (
        (step, {key: value for key, value in values.items() if last[key]})
        for step, values in sorted(steps.items())
    )
    return [(step, values) for step, values in kept if values]


def number(value: float) -> float:
    """A metric as it was logged: databases hold the largest float in place of infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Whatever a database, a server or a network can do is told in one line."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # each fails in its own way
        raise RunError(explain_error(uri, error)) from error


@cache
def _downloads() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nnexp-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
