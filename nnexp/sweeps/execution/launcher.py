"""The launcher of a sweep in Hydra's interface: one job after the other, or several in workers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep
from typing import Any, ClassVar

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from nnexp.errors import Interrupted
from nnexp.experiment.interruption import Interruption
from nnexp.run_folder import pruned_in
from nnexp.sweeps.execution import datasets
from nnexp.sweeps.execution.datasets import SweepDatasets
from nnexp.sweeps.execution.events import JobEnded, Send, UploadsLeft
from nnexp.sweeps.execution.job import Job, JobRunner, SweepInterrupted, SweepStoppedError, completed
from nnexp.sweeps.execution.job_queue import JobQueue
from nnexp.sweeps.execution.lost_uploads import upload_lost
from nnexp.sweeps.execution.task import SweepTask
from nnexp.sweeps.execution.uploads import POLL_INTERVAL, Uploads
from nnexp.sweeps.execution.workers.pool import WorkerPool
from nnexp.sweeps.execution.workers.process import Processes
from nnexp.sweeps.execution.workers.worker import Backend
from nnexp.sweeps.plan.launchers import BASIC, JOBLIB, RAY, SUBMITIT_LOCAL, SUBMITIT_SLURM
from nnexp.sweeps.plan.sweep_plan import PlannedJob, SweepPlan
from nnexp.sweeps.records import job_entries, stored_results


@dataclass
class Execution:
    """A sweep that is run.

    Attributes:
        plan: of the sweep.
        show: where its events go to.
        failures: how many jobs have failed.
        waits: functions that wait for uploads of jobs that are over, after each launch.
        cleanup: ends what still waits for uploads, which go on in the background.
    """

    plan: SweepPlan
    show: Send
    failures: int = 0
    waits: list[Callable[[], None]] = field(default_factory=list)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def wait_for_uploads(self) -> None:
        """Wait for the uploads of all jobs; a SweepInterrupted after a signal."""
        while self.waits:
            self.waits.pop(0)()


class SweepLauncher(Launcher):
    """Takes the place of Hydra's basic launcher and of joblib's; the plan says how many processes it uses."""

    execution: ClassVar[Execution | None] = None  # of this process

    def __init__(self, **options: Any) -> None:
        container: Any = OmegaConf.to_container(OmegaConf.create(options))
        self.options: dict[str, Any] = container  # hydra.launcher.*, as plain values

    def backend(self, plan: SweepPlan) -> Backend | None:
        """Return what starts the sweep's workers; None: its jobs run in this process."""
        return Processes(plan.threads) if plan.workers > 1 else None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        assert isinstance(task_function, SweepTask)
        self.config = config
        self.context = hydra_context
        self.task = replace(task_function, given=frozenset(config.hydra.overrides.task))
        self.folder = Path(config.hydra.sweep.dir)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return self.run([Job(initial_job_idx + i, overrides) for i, overrides in enumerate(job_overrides)])

    def run(self, jobs: Sequence[Job]) -> list[JobReturn]:
        """Run jobs, whatever their numbers; return their outcomes in the same order.

        Raises:
            SweepInterrupted: a signal has ended the sweep.
            SweepStoppedError: failures have ended it: `sweep.fail_fast`, `search.max_failure_rate`.
        """
        execution = self.execution
        assert execution is not None
        settings = execution.plan.settings
        queue = JobQueue(jobs, execution.show, retries=settings.retries, fail_fast=settings.fail_fast)
        self.skip_finished(queue, {job.number: job for job in execution.plan.jobs})
        return self.run_queue(queue, execution)

    def run_queue(self, queue: JobQueue, execution: Execution) -> list[JobReturn]:
        """Run the jobs that a queue hands out; raises what `run` does."""
        setup_globals()
        self.folder.mkdir(parents=True, exist_ok=True)
        backend = self.backend(execution.plan) if queue.waiting else None
        try:
            if backend is None:
                self.run_here(queue, execution)
            else:
                self.run_in_workers(queue, execution, backend)
        finally:
            execution.failures += queue.failures
            configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        if queue.is_stopped:
            execution.wait_for_uploads()
            raise SweepStoppedError(queue.stop_reason)
        return queue.results()

    def skip_finished(self, queue: JobQueue, planned: dict[int, PlannedJob]) -> None:
        """Show and return the stored results of the jobs that are finished, by the plan."""
        for job in [job for job in queue.jobs if job.number in planned]:
            one = planned[job.number]
            if one.state == "finished":
                folder = self.folder / str(job.number)
                entries = job_entries(folder)
                value, metrics = stored_results(entries, self.config)
                pruned = pruned_in(entries)
                queue.skip(job, completed(job, value))
                queue.event(JobEnded(job.number, "SKIPPED", value, metrics, folder=folder, pruned=pruned))

    def run_here(self, queue: JobQueue, execution: Execution) -> None:
        """Run one job after the other in this process."""
        uploads = Uploads(queue.event)
        execution.cleanup.callback(uploads.close)
        task = replace(self.task, uploads=uploads)
        runner = JobRunner.of(self.config, self.context, task, id_format="{number}")
        with interruptible():
            while (job := queue.next()) is not None:
                queue.end(job, runner.run(job, queue.event))

        def wait() -> None:
            if uploads.left:
                queue.event(UploadsLeft())
            with interruptible():
                while uploads.left:
                    sleep(POLL_INTERVAL)

        execution.waits.append(wait)

    def run_in_workers(self, queue: JobQueue, execution: Execution, backend: Backend) -> None:
        """Run several jobs at a time in workers; those of this machine share the data sets."""
        shared = self.folder / datasets.FOLDER
        datasets.clear(shared)
        execution.cleanup.callback(datasets.clear, shared)
        task = replace(self.task, datasets=SweepDatasets(shared if backend.shares_files else None))
        runner = JobRunner.of(self.config, self.context, task, id_format="{name}_{number}")
        queue.lost_retries = backend.lost_retries
        pool = WorkerPool(backend, runner, queue)
        execution.cleanup.callback(pool.close)
        pool.run(execution.plan.workers)
        execution.waits.append(pool.finish)

        def upload_rest() -> None:
            with interruptible():
                upload_lost(pool.not_uploaded, queue.event)

        execution.waits.append(upload_rest)


class SubmititLauncher(SweepLauncher):
    """Takes the place of Hydra's submitit launchers, which wait for a whole batch of jobs."""

    cluster: ClassVar[str]

    def backend(self, plan: SweepPlan) -> Backend:
        from nnexp.sweeps.execution.workers.submitit import Submitit

        return Submitit(self.folder, self.cluster, self.options, plan.threads)


class LocalLauncher(SubmititLauncher):
    """`hydra/launcher=submitit_local`."""

    cluster = "local"


class SlurmLauncher(SubmititLauncher):
    """`hydra/launcher=submitit_slurm`."""

    cluster = "slurm"


class RayLauncher(SweepLauncher):
    """`hydra/launcher=ray`."""

    def backend(self, plan: SweepPlan) -> Backend:
        from nnexp.sweeps.execution.workers.ray import Ray

        grows = plan.settings.jobs in (None, -1)
        return Ray(self.folder, self.options["ray"], plan.threads, grows)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise a SweepInterrupted at a signal within the block."""
    try:
        with Interruption():
            yield
    except Interrupted as error:
        raise SweepInterrupted(error.number) from error


LAUNCHERS: dict[str, type[Launcher]] = {
    BASIC: SweepLauncher,
    JOBLIB: SweepLauncher,
    SUBMITIT_LOCAL: LocalLauncher,
    SUBMITIT_SLURM: SlurmLauncher,
    RAY: RayLauncher,
}  # by `_target_`


def use_launcher(plan: SweepPlan, show: Send) -> Execution:
    """Let Hydra take our launchers for those of `hydra/launcher`, installed or not."""
    SweepLauncher.execution = Execution(plan, show)
    Plugins.instance().class_name_to_class |= LAUNCHERS
    return SweepLauncher.execution
