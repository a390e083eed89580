"""A recorded run as it is read back: what it was, what came of it, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnexp.messages import first_line
from nnexp.run_folder import JOURNAL, RunFolder, history
from nnexp.runs.backends import Folder, History, RunError, Source
from nnexp.tracking.mlflow.upload_state import UploadState


@dataclass(frozen=True)
class Run:
    """One recorded run.

    Attributes:
        id: MLflow's; empty of a folder that is not in a store.
        name, experiment: for people.
        status: FINISHED, FAILED, KILLED, RUNNING; of a folder whose journal has no end, UNFINISHED.
        started: seconds since 1970.
        seconds: how long it took, by its own clock (time/total) if that told, else from start to end; None while it runs.
        params: the configuration, flat.
        metrics: the last value of each.
        tags: where it comes from.
    """

    id: str
    name: str
    experiment: str
    status: str
    started: float
    seconds: float | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    source: Source = field(repr=False, compare=False)

    @property
    def folder(self) -> Path | None:
        """Where its files lie on this machine; None: on a server."""
        return self.source.folder

    def is_same(self, other: "Run") -> bool:
        """Whether both are one run, wherever they were read from."""
        return self.id == other.id if self.id or other.id else self == other

    def history(self) -> History:
        """The metrics of each epoch by step, in order; without the system's and those that are told once.

        Raises:
            RunError: the store does not answer.
        """
        return self.source.history()

    def files(self) -> list[str]:
        """The path of every artifact.

        Raises:
            RunError: the store does not answer.
        """
        return self.source.files()

    def file(self, path: str) -> Path:
        """A local copy of an artifact, downloaded if need be.

        Raises:
            RunError: the run has none of that path, or the store does not answer.
        """
        if (found := self.source.file(path)) is None:
            raise RunError(
                f"run {self.id[:8] or self.name} ({self.status}) has no {path}; see what it has with: nnexp show RUN"
            )
        return found


def took(metrics: Mapping[str, float], between: float | None) -> float | None:
    """How many seconds a run took: what it told itself, else what lies between its start and its end."""
    return metrics.get("time/total", between)


def in_folder(folder: Path) -> Run:
    """The run that left a folder, read from its journal; no store is needed.

    Raises:
        RunError: its journal cannot be read.
    """
    try:
        entries = RunFolder(folder).entries()
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / JOURNAL}: {first_line(error)}") from error
    if not entries or entries[0].get("kind") != "run":
        raise RunError(f"{folder / JOURNAL}: it does not say which run this is")
    head, end = entries[0], next((entry for entry in entries if entry["kind"] == "end"), None)
    metrics = {key: float(value) for _, values in history(entries) for key, value in values.items()}
    experiment = (head["destination"] or {}).get("experiment") or ""
    seconds = took(metrics, (end["time"] - head["time"]) / 1000 if end else None)
    status, started = end["status"] if end else "UNFINISHED", head["time"] / 1000
    run_id = UploadState.load(folder).run_id
    return Run(
        run_id,
        head["name"],
        experiment,
        status,
        started,
        seconds,
        head["params"],
        metrics,
        head["tags"],
        Folder(folder),
    )
