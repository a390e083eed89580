"""A job of a sweep, how Hydra runs it, and its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from nnexp.errors import Interrupted, UserError
from nnexp.metrics.objectives import Value
from nnexp.sweeps.execution.events import JobEnded, Send
from nnexp.sweeps.execution.task import SweepTask, Trial


class SweepInterrupted(Interrupted):
    """The end of a sweep by a signal, when the jobs that were running have ended in order."""


class SweepStoppedError(UserError):
    """The end of a sweep by its failures: `sweep.fail_fast`, `search.max_failure_rate`."""

    exit_code: ClassVar[int] = 1


class JobEndedError(UserError):
    """A signal to its own process, or the end of its worker, ended one job of a sweep."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True)
class Job:
    """A job of a sweep: its number, and the overrides as the sweeper gives them; workers receive it."""

    number: int
    overrides: Sequence[str]
    attempt: int = 1
    trial: Trial | None = None  # of a search that prunes
    losses: int = 0  # workers that died with it since its last evaluation
    name: str = ""  # of its run, where no plan names it


@dataclass(frozen=True)
class JobRunner:
    """Runs jobs as Hydra's launchers do, maybe in another process than the one that made it."""

    config: DictConfig  # of the sweep
    context: HydraContext
    task: SweepTask
    singletons: dict[type, Any]  # of Hydra
    id_format: str = "{number}"  # of hydra.job.id

    @classmethod
    def of(cls, config: DictConfig, context: HydraContext, task: SweepTask, id_format: str) -> "JobRunner":
        return cls(config, context, task, Singleton.get_state()["instances"], id_format)

    def set_up(self) -> None:
        """Set Hydra's singletons in another process than that of the sweep."""
        Singleton.set_state(Singleton.get_state() | {"instances": self.singletons})

    def run(self, job: Job, send: Send) -> JobReturn:
        """Run a job; returns its value, or its error, without its configuration."""
        try:
            task = replace(self.task, send=send, attempt=job.attempt, trial=job.trial, name=job.name)
            outcome = self.run_in_hydra(job, task)
        except Exception as error:  # noqa: BLE001, of the composition, the folder or a callback
            send(JobEnded(job.number, "FAILED", error=self.task.explain(error), name=job.name))
            return failed(job, error)
        return replace(outcome, cfg=None, hydra_cfg=None)  # a thousand of them would fill the memory

    def run_in_hydra(self, job: Job, task: SweepTask) -> JobReturn:
        """Compose the configuration of a job, and let Hydra call the task with it."""
        setup_globals()
        config = self.context.config_loader.load_sweep_config(self.config, list(job.overrides))
        with open_dict(config):
            config.hydra.job.id = self.id_format.format(number=job.number, name=config.hydra.job.name)
            config.hydra.job.num = job.number
        return run_job(
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )


def completed(job: Job, value: Value | None) -> JobReturn:
    """Return the outcome of a job that is finished."""
    outcome = JobReturn(overrides=list(job.overrides), status=JobStatus.COMPLETED)
    outcome.return_value = value
    return outcome


def failed(job: Job, error: Exception) -> JobReturn:
    """Return the outcome of a job that an error ended."""
    outcome = JobReturn(overrides=list(job.overrides), status=JobStatus.FAILED)
    outcome.return_value = error
    return outcome
