"""One job of a sweep: its number and overrides, how Hydra runs it, and what it returns."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from nnexp.errors import Interrupted, UserError
from nnexp.run_folder import Entry, RunFolder, end_of


class SweepInterrupted(Interrupted):
    """The end of a sweep by a signal; `jobs` are those of which nothing was recorded."""

    def __init__(self, number: int, jobs: Sequence["Job"]) -> None:
        super().__init__(number)
        self.jobs = jobs


class JobEndedError(UserError):
    """A signal to its own process ended one job of a sweep."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True)
class Job:
    """A job of a sweep."""

    number: int
    overrides: Sequence[str]

    @property
    def label(self) -> str:
        """Number and overrides: "#2 seed=2 data=digits"."""
        return " ".join([f"#{self.number}", *filter_overrides(self.overrides)])


@dataclass(frozen=True)
class JobRunner:
    """Runs jobs as Hydra's launchers do, maybe in another process than the one that made it."""

    config: DictConfig  # of the sweep
    context: HydraContext
    task: TaskFunction
    instances: dict[type, Any]  # Hydra's singletons

    @classmethod
    def of(cls, config: DictConfig, context: HydraContext, task: TaskFunction) -> "JobRunner":
        return cls(config, context, task, Singleton.get_state()["instances"])

    def run(self, job: Job) -> JobReturn:
        """Run a job; returns its value, or its error."""
        setup_globals()
        Singleton.set_state(Singleton.get_state() | {"instances": self.instances})
        config = self.context.config_loader.load_sweep_config(self.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = f"{config.hydra.job.name}_{job.number}"
            config.hydra.job.num = job.number
        HydraConfig.instance().set_config(config)
        return run_job(
            task_function=self.task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )


def failed(job: Job, error: Exception) -> JobReturn:
    """Return the outcome of a job that an error ended."""
    outcome = JobReturn(overrides=list(job.overrides))
    outcome.status = JobStatus.FAILED
    outcome.return_value = error
    return outcome


def recorded_status(folder: Path | None) -> str:
    """Return the status in a job's journal: "" where nothing is recorded, RUNNING where it has no end."""
    entries: list[Entry] = []
    if folder is not None:
        with suppress(OSError, ValueError):
            entries = RunFolder(folder).entries()
    return str((end_of(entries) or {}).get("status", "RUNNING")) if entries else ""
