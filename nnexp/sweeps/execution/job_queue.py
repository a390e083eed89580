"""The jobs of a launch: which waits, which runs again, how each has ended, and whether the sweep goes on."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from threading import RLock

from hydra.core.utils import JobReturn, JobStatus

from nnexp.sweeps.execution.events import Event, JobEnded, Send, UploadEnded
from nnexp.sweeps.execution.job import Job, JobEndedError


class JobQueue:
    """Hands out jobs, those that failed once more at the end of the queue, and shows events.

    Attributes:
        is_stopped: whether failures have ended the sweep.
        stop_reason: why they would, in words.
        failures: how many jobs have failed for good.
        lost_retries: how often a job runs again whose worker died, apart from `retries`.
    """

    def __init__(self, jobs: Sequence[Job], show: Send, *, retries: int = 0, fail_fast: bool = False) -> None:
        self.jobs = jobs
        self.waiting = deque(jobs)
        self.running: dict[int, Job] = {}
        self.outcomes: dict[int, JobReturn] = {}
        self.shown: set[int] = set()  # jobs that run, and whose end was shown already
        self.show = show
        self.lock = RLock()  # of `show`: the thread that waits for uploads sends events too
        self.retries = retries
        self.fail_fast = fail_fast
        self.is_stopped = False
        self.stop_reason = "sweep.fail_fast=true: the first job that failed has ended the sweep"
        self.failures = 0
        self.lost_retries = 0

    def next(self) -> Job | None:
        """Take the next job; None: there is none at this moment."""
        if self.is_stopped or not self.waiting:
            return None
        job = self.waiting.popleft()
        self.running[job.number] = job
        return job

    def skip(self, job: Job, outcome: JobReturn) -> None:
        """Account for a job that is finished before it begins."""
        self.waiting.remove(job)
        self.outcomes[job.number] = outcome

    def event(self, event: Event) -> None:
        """Show an event; of a failure, whether the job runs again. The end of an attempt is shown once."""
        if isinstance(event, UploadEnded):
            return
        with self.lock:
            if isinstance(event, JobEnded):
                if event.number in self.shown:
                    return
                self.shown.add(event.number)
                if event.status == "FAILED":
                    job = self.running.get(event.number)
                    event = replace(event, will_retry=self.next_attempt(job, event.is_lost) is not None)
            self.show(event)

    def next_attempt(self, job: Job | None, is_lost: bool) -> Job | None:
        """Return a job that has failed as it runs again; None: its failure is final."""
        if job is None or self.is_stopped:
            return None
        if is_lost and job.losses < self.lost_retries:
            return replace(job, losses=job.losses + 1)
        return replace(job, attempt=job.attempt + 1) if job.attempt <= self.retries else None

    def progressed(self, job: Job) -> Job:
        """Return a running job that was evaluated: the workers it has lost do not count any longer."""
        if job.losses:
            job = self.running[job.number] = replace(job, losses=0)
        return job

    def end(self, job: Job, outcome: JobReturn) -> None:
        """Account for the outcome of an attempt."""
        del self.running[job.number]
        self.shown.discard(job.number)
        if outcome.status == JobStatus.FAILED:
            again = self.next_attempt(job, isinstance(outcome._return_value, JobEndedError))
            if again is not None:
                self.waiting.append(again)
                return
            self.failures += 1
            self.is_stopped = self.is_stopped or self.fail_fast
        self.outcomes[job.number] = outcome

    def results(self) -> list[JobReturn]:
        """Return the outcomes of all jobs in their order."""
        return [self.outcomes[job.number] for job in self.jobs]
