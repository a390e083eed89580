"""One job of a sweep: its number and overrides, how Hydra runs it, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from nnexp.errors import Interrupted, UserError
from nnexp.run_folder import JOURNAL


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
    state: dict[str, Any]  # of Hydra's singletons

    def run(self, job: Job) -> JobReturn:
        setup_globals()
        Singleton.set_state(self.state)
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


def has_begun(folder: Path | None) -> bool:
    """Return whether something was recorded of the job whose folder that is."""
    return folder is not None and (folder / JOURNAL).exists()
