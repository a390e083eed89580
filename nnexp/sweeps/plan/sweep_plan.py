"""The plan of a sweep: all of its jobs, known before the first one starts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnexp.config.schema import SearchSettings, SweepSettings
from nnexp.metrics.objectives import Value

JobState = Literal["new", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class PlannedJob:
    """A job of a sweep, with what is recorded of it."""

    number: int  # of its folder too
    name: str  # of its run: what is swept, "adam lr=0.01 s3"
    overrides: tuple[str, ...]  # as Hydra's sweeper gives them
    swept: dict[str, str]  # the values of the keys that are swept over
    config_hash: str
    state: JobState = "new"
    value: Value | None = None  # of the optimized metric, where the job is finished


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep will run; no jobs where a sweeper chooses them one after the other."""

    folder: Path
    id: str  # <date>/<time>-<id>, the last two names of the folder
    name: str  # the keys that are swept over: "init x seed"
    command: str  # that started the sweep
    jobs: tuple[PlannedJob, ...]
    swept: dict[str, list[str]]  # all values of each key, as text
    workers: int  # processes; 1: this one
    threads: int  # of the linear algebra library (BLAS), in each worker
    settings: SweepSettings
    objectives: tuple[str, ...] = ()  # the metrics that are optimized, where they are set
    search: SearchSettings | None = None  # of a search
    epochs: int = 0  # of each run, where it is a search

    @property
    def metric(self) -> str | None:
        """The first objective; None: the score of the task."""
        return self.objectives[0] if self.objectives else None

    def job_folder(self, number: int) -> Path:
        """Return the folder of a job."""
        return self.folder / str(number)
