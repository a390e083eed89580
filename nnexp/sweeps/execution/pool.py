"""Worker processes that share the jobs of a sweep; one that dies costs only its own job."""

import sys
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import wait

from hydra.core.utils import JobReturn, JobStatus

from nnexp.errors import SIGNAL_EXIT, signal_name
from nnexp.experiment.interruption import Interruption
from nnexp.messages import quoted_path
from nnexp.sweeps.execution.job import (
    Job,
    JobEndedError,
    JobRunner,
    SweepInterrupted,
    failed,
    recorded_status,
)
from nnexp.sweeps.execution.worker import Worker
from nnexp.tracking.active_runs import close_if_dead

POLL_INTERVAL = 0.1  # seconds


class WorkerPool:
    """Runs jobs in worker processes."""

    def __init__(self, runner: JobRunner, jobs: Sequence[Job]) -> None:
        self.runner = runner
        self.jobs = jobs
        self.waiting = deque(jobs)
        self.workers: list[Worker] = []
        self.outcomes: dict[int, JobReturn] = {}
        self.interruption = Interruption()

    def run(self, processes: int) -> list[JobReturn]:
        """Run all jobs, so many at a time.

        Raises:
            SweepInterrupted: after a signal, when the jobs that were running have ended in order.
        """
        try:
            with self.interruption, self.interruption.deferred():
                self.run_all(processes)
                for worker in self.workers:
                    worker.request_end(self.interruption.received)
                while self.workers:
                    self.receive()
        finally:
            for worker in self.workers:  # there are some after a second signal
                worker.stop(at_once=True)
        if self.interruption.received:
            not_begun = sorted(self.waiting, key=lambda job: job.number)
            raise SweepInterrupted(self.interruption.received, not_begun)
        return [self.outcomes[job.number] for job in self.jobs]

    def run_all(self, processes: int) -> None:
        """Run all jobs, or until a signal is received."""
        while (self.workers or self.waiting) and not self.interruption.received:
            while self.waiting and len(self.workers) < processes:
                self.workers.append(Worker.start(self.runner, self.waiting.popleft()))
            self.receive()

    def receive(self) -> None:
        """Handle what workers send within a moment."""
        ready = wait([worker.connection for worker in self.workers], POLL_INTERVAL)
        for worker in [worker for worker in self.workers if worker.connection in ready]:
            try:
                message = worker.receive()
            except (EOFError, OSError):
                self.end_worker(worker)
                continue
            if isinstance(message, JobReturn):
                self.outcomes[worker.job.number] = message
                if self.waiting and not self.interruption.received:
                    worker.give(self.waiting.popleft())
                else:
                    self.workers.remove(worker)
                    worker.stop()

    def end_worker(self, worker: Worker) -> None:
        """Account for a worker that a signal has ended, or a fault."""
        self.workers.remove(worker)
        code = worker.stop()
        job = worker.job
        if worker.folder is not None:
            close_if_dead(worker.folder)
        status = recorded_status(worker.folder)
        if self.interruption.received:
            if not status:
                self.waiting.append(job)
        elif status == "FINISHED":  # only its upload was not waited for
            self.outcomes[job.number] = JobReturn(job.overrides, status=JobStatus.COMPLETED)
        else:
            number = code - SIGNAL_EXIT if code > SIGNAL_EXIT else -code
            reason = f"was ended by {signal_name(number)}" if number > 0 else "has ended early"
            advice = "nothing of it is recorded"
            if worker.folder is not None and status:
                advice = f"resume with: nnexp resume {quoted_path(worker.folder)}"
            error = JobEndedError(f"the process of {job.label} {reason}; {advice}")
            print(f"nnexp: {error}", file=sys.stderr, flush=True)
            self.outcomes[job.number] = failed(job, error)
