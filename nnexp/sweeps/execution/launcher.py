"""Launchers of sweeps: one job after the other, or several at a time."""

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from nnexp.errors import Interrupted, UserError
from nnexp.experiment.interruption import Interruption
from nnexp.messages import plural
from nnexp.sweeps.execution.job import Job, JobRunner, SweepInterrupted, recorded_status
from nnexp.sweeps.execution.pool import WorkerPool

log = logging.getLogger(__name__)
BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")
THREADS = [*(f"{library}_NUM_THREADS" for library in LIBRARIES), "VECLIB_MAXIMUM_THREADS"]


class SerialLauncher(BasicLauncher):
    """Runs one job after the other in this process; a signal ends the sweep, not just one job."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        jobs = deque(numbered(job_overrides, initial_job_idx))
        task = self.task_function
        assert task is not None

        def counted(config: DictConfig) -> object:
            job = jobs.popleft()
            try:
                return task(config)
            except Interrupted:
                if not recorded_status(Path(HydraConfig.get().runtime.output_dir)):
                    jobs.appendleft(job)
                raise

        self.task_function = counted
        try:
            with Interruption():
                return super().launch(job_overrides, initial_job_idx)
        except Interrupted as error:
            raise SweepInterrupted(error.number, jobs) from error


class ParallelLauncher(Launcher):
    """Runs jobs in `n_jobs` processes, with the settings of joblib's launcher; -1: one for each core."""

    def __init__(self, n_jobs: int = -1, **others: Any) -> None:
        self.n_jobs = n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config = config
        self.context = hydra_context
        self.task = task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from joblib import cpu_count, effective_n_jobs

        if self.n_jobs == 0:
            problem = "no process would run a job; fix: hydra.launcher.n_jobs=-1 (one for each core)"
            raise UserError(f"hydra.launcher.n_jobs=0: {problem}")
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        jobs = numbered(job_overrides, initial_job_idx)
        processes = effective_n_jobs(self.n_jobs)
        log.info("Launching %s in %s", plural(len(jobs), "job"), plural(processes, "process", "processes"))
        for job in jobs:
            log.info("\t%s", job.label)
        pool = WorkerPool(JobRunner.of(self.config, self.context, self.task), jobs)
        with threads_of_workers(max(cpu_count() // processes, 1)):
            return pool.run(min(processes, len(jobs)))


@contextmanager
def threads_of_workers(count: int) -> Iterator[None]:
    """Set the threads of linear algebra in processes that start within the block, where nothing sets them."""
    unset = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, str(count)))
    try:
        yield
    finally:
        for name in unset:
            del os.environ[name]


def numbered(job_overrides: Sequence[Sequence[str]], first: int) -> list[Job]:
    """Return the jobs with their numbers."""
    return [Job(first + i, overrides) for i, overrides in enumerate(job_overrides)]


def use_launchers() -> None:
    """Let Hydra take these launchers for `hydra/launcher=basic` and `hydra/launcher=joblib`."""
    Plugins.instance().class_name_to_class |= {BASIC: SerialLauncher, JOBLIB: ParallelLauncher}
