"""The sweeper of a planned sweep in Hydra's interface: it launches the jobs of the plan by their numbers."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from nnexp.run_folder import MULTIRUN
from nnexp.sweeps.execution.events import JobEnded
from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.launcher import Execution, SweepLauncher
from nnexp.sweeps.records import job_entries, stored_results

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class PlannedSweeper(BasicSweeper):
    """Takes the place of Hydra's basic sweeper, which would compose all jobs again and number them from 0.

    A job that fails is shown when it does so, and raises nothing at the end.
    """

    def sweep(self, arguments: list[str]) -> Any:
        execution = SweepLauncher.execution
        assert execution is not None
        assert self.config is not None
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / MULTIRUN)
        jobs = [Job(job.number, job.overrides) for job in execution.plan.jobs]
        if isinstance(self.launcher, SweepLauncher):
            return [self.launcher.run(jobs)]
        finished = {job.number for job in execution.plan.jobs if job.state == "finished"}
        for number in sorted(finished):
            folder = execution.plan.job_folder(number)
            value, metrics = stored_results(job_entries(folder), self.config)
            execution.show(JobEnded(number, "SKIPPED", value, metrics, folder=folder))
        left = [job for job in jobs if job.number not in finished]
        return [self.launch_elsewhere(batch, execution) for batch in self.batches(left)]

    def batches(self, jobs: Sequence[Job]) -> Iterator[list[Job]]:
        """Yield jobs in batches of consecutive numbers, as launchers count."""
        for _, group in groupby(enumerate(jobs), key=lambda pair: pair[1].number - pair[0]):
            batch = [job for _, job in group]
            size = self.max_batch_size or len(batch)
            for start in range(0, len(batch), size):
                yield batch[start : start + size]

    def launch_elsewhere(self, batch: list[Job], execution: Execution) -> Sequence[JobReturn]:
        """Run a batch with another launcher, which sends no events; show how its jobs ended."""
        assert self.launcher is not None
        outcomes = self.launcher.launch([list(job.overrides) for job in batch], batch[0].number)
        for job, outcome in zip(batch, outcomes, strict=True):
            folder = execution.plan.job_folder(job.number)
            if outcome.status == JobStatus.COMPLETED:
                assert self.config is not None
                value, metrics = stored_results(job_entries(folder), self.config)
                seconds = metrics.get("time/total", 0.0)
                event = JobEnded(job.number, "FINISHED", value, metrics, seconds, folder)
            else:
                execution.failures += 1
                error = str(outcome._return_value)
                event = JobEnded(job.number, "FAILED", folder=folder, error=error)
            execution.show(event)
        return outcomes


def use_planned_sweeper() -> None:
    """Let Hydra take this sweeper for `hydra/sweeper=basic`."""
    Plugins.instance().class_name_to_class[BASIC_SWEEPER] = PlannedSweeper
