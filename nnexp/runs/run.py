"""A recorded run that is read back: its params, results and files."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnexp.messages import first_line
from nnexp.metrics.metric_info import Direction, metric_info
from nnexp.run_folder import (
    JOURNAL,
    METRICS_TAG,
    PRUNED_TAG,
    History,
    RunFolder,
    end_of,
    head_of,
    history,
    pruned_in,
    unit_of,
)
from nnexp.runs.backends import Backend, FolderBackend, RunError
from nnexp.tracking.mlflow.upload_state import UploadState


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recorded run; reading its history and files raises RunError without a connection to its store."""

    id: str  # MLflow's; empty for a folder that is not in a store
    name: str
    experiment: str
    status: str  # FINISHED, FAILED, KILLED, RUNNING; UNFINISHED for a folder whose journal has no end
    started: float  # seconds since 1970
    seconds: float | None  # its duration, time/total if it was logged; None while it runs
    params: dict[str, str]
    metrics: dict[str, float]  # the last value of each
    tags: dict[str, str]
    unit: str  # what the steps of its history count: epoch or step
    backend: Backend = field(repr=False, compare=False)

    @property
    def pruned(self) -> str:
        """Where a search has ended it: "epoch 3"; empty where it has not."""
        return self.tags.get(PRUNED_TAG, "")

    @property
    def description(self) -> dict[str, Any]:
        """Name, params and tags, as in the first entry of a journal."""
        return {"name": self.name, "params": self.params, "tags": self.tags}

    @property
    def folder(self) -> Path | None:
        """Where its files are on this machine; None: on a server."""
        return self.backend.folder

    def direction(self, metric: str) -> Direction:
        """Return whether higher or lower values of a metric are better; the run names those of its own."""
        name = metric.rpartition("/")[2].removeprefix("val_")
        with suppress(ValueError):
            own: dict[str, Direction] = json.loads(self.tags.get(METRICS_TAG, "{}"))
            if name in own:
                return own[name]
        return metric_info(metric).direction

    def is_same(self, other: "Run") -> bool:
        """Return whether both are one run, wherever they were read from."""
        return self.id == other.id if self.id or other.id else self == other

    def history(self) -> History:
        """Read the metrics of each evaluation by step, in order, without system metrics and final results."""
        return [(step, values) for step, values in self.steps() if step]

    def steps(self) -> History:
        """Read the same, and at step 0 the diagnostics of layers before the first update."""
        return self.backend.history()

    def files(self) -> list[str]:
        return self.backend.files()

    def file(self, path: str) -> Path:
        """Return a local copy of an artifact, downloaded if need be; RunError: the run has no such one."""
        if (local := self.backend.file(path)) is None:
            name = self.id[:8] or self.name
            raise RunError(f"run {name} ({self.status}) has no {path}; list its files with: nnexp show RUN")
        return local

    def json(self, path: str) -> dict[str, Any]:
        """Read a JSON object among its artifacts; empty where it is missing or invalid."""
        local = self.backend.file(path)
        return {} if local is None else RunFolder(local.parent).json(local.name)


def in_folder(folder: Path) -> Run:
    """Read a run from the journal in its folder, without a store; RunError: it cannot be read."""
    try:
        entries = RunFolder(folder).entries()
    except (OSError, ValueError) as error:
        raise RunError(f"{folder / JOURNAL}: {first_line(error)}") from error
    if not entries or entries[0].get("kind") != "run":
        raise RunError(f"{folder / JOURNAL}: its first line does not describe a run")
    head = head_of(entries)
    end = end_of(entries)
    pruned = pruned_in(entries)
    metrics = {key: float(value) for _, values in history(entries) for key, value in values.items()}
    return Run(
        id=UploadState.load(folder).run_id,
        name=head["name"],
        experiment=(head["destination"] or {}).get("experiment") or "",
        status=end["status"] if end else "UNFINISHED",
        started=head["time"] / 1000,
        seconds=metrics.get("time/total", (end["time"] - head["time"]) / 1000) if end else None,
        params=head["params"],
        metrics=metrics,
        tags=head["tags"] | RunFolder(folder).tags | ({PRUNED_TAG: pruned} if pruned else {}),
        unit=unit_of(entries),
        backend=FolderBackend(folder),
    )


def folder_of(text: str) -> Path | None:
    """Return the run's folder that a text is the path of, or of its journal."""
    with suppress(OSError, RuntimeError):  # not a path
        path = Path(os.path.expanduser(text))
        folder = path.parent if path.name == JOURNAL else path
        if (folder / JOURNAL).is_file():
            return folder
        if os.sep in text and folder.is_dir():
            raise RunError(f"{text}: not a run's folder, it has no {JOURNAL}")
    return None
