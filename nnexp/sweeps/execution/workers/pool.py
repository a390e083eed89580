"""The pool of workers that share the jobs of a sweep; one that dies costs only its own job."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hydra.core.utils import JobReturn

from nnexp.errors import SIGNAL_EXIT, UserError, signal_name
from nnexp.experiment.interruption import Interruption
from nnexp.messages import quoted_path
from nnexp.run_folder import pruned_in
from nnexp.sweeps.execution.events import JobEnded, JobProgress, JobStarted, UploadEnded
from nnexp.sweeps.execution.job import Job, JobEndedError, JobRunner, SweepInterrupted, completed, failed
from nnexp.sweeps.execution.job_queue import JobQueue
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation
from nnexp.sweeps.execution.workers.worker import POLL_INTERVAL, Backend, Message, Worker
from nnexp.sweeps.records import job_entries, job_status, stored_results
from nnexp.tracking.active_runs import close_if_dead

MAX_FAILED_STARTS = 3


class WorkerPool:
    """Runs the jobs of a queue in the workers of a backend."""

    def __init__(self, backend: Backend, runner: JobRunner, queue: JobQueue) -> None:
        self.backend = backend
        self.runner = runner
        self.queue = queue
        self.workers: list[Worker] = []
        self.not_uploaded: dict[int, Path] = {}  # folders of jobs by number, until their uploads are over
        self.failed_starts = 0  # one after the other
        self.interruption = Interruption()

    @property
    def is_stopped(self) -> bool:
        """Whether no further job begins: a signal was received, or a failure ends the sweep."""
        return bool(self.interruption.received) or self.queue.is_stopped

    def run(self, size: int) -> None:
        """Run all jobs, so many at a time as planned; `finish` waits for their uploads.

        Raises:
            SweepInterrupted: after a signal, when the jobs that were running have ended in order.
        """
        with self.ended_at_error(), self.interruption, self.interruption.deferred():
            while not self.is_stopped and (self.queue.waiting or self.queue.running):
                self.give_jobs(self.backend.room(size))
                self.receive()
            for worker in self.workers:
                self.end(worker)
            while any(worker.job is not None for worker in self.workers):
                self.receive()
        if self.interruption.received:
            self.finish()

    def finish(self) -> None:
        """Wait for the uploads of jobs that are over; after a signal they go on in the background.

        Raises:
            SweepInterrupted: after a signal.
        """
        with self.ended_at_error(), self.interruption, self.interruption.deferred():
            while self.workers:
                if self.interruption.received:
                    self.close_idle()
                self.receive()
        if self.interruption.received:
            raise SweepInterrupted(self.interruption.received)

    @contextmanager
    def ended_at_error(self) -> Iterator[None]:
        """End all workers at once if an error ends the block: a second signal."""
        try:
            yield
        except BaseException:
            for worker in self.workers:
                worker.stop(at_once=True)
                if worker.job is not None:
                    job = worker.job
                    self.queue.event(JobEnded(job.number, "KILLED", folder=worker.folder, name=job.name))
            self.workers.clear()
            raise

    def close(self) -> None:
        """End the workers that wait for uploads, which go on in the background."""
        for worker in self.workers:
            worker.stop()
        self.workers.clear()
        self.backend.close()

    def give_jobs(self, size: int) -> None:
        """Give jobs to idle workers, or to new ones while there are fewer than `size`."""
        while self.queue.waiting:
            worker = next((worker for worker in self.workers if worker.job is None and worker.is_up), None)
            worker = worker or self.start_worker(size)
            if worker is None or not worker.is_up:
                return
            if (job := self.queue.next()) is None:  # a search that is out of time
                return
            worker.give(job)

    def start_worker(self, size: int) -> Worker | None:
        """Start a worker; None where there are `size`, or where those that start suffice for the jobs."""
        starting = sum(not worker.is_up for worker in self.workers)
        if len(self.workers) >= size or starting >= len(self.queue.waiting):
            return None
        worker = self.backend.start(self.runner)
        self.workers.append(worker)
        return worker

    def end(self, worker: Worker) -> None:
        """Ask a worker to end: its job in order, or when its uploads are over."""
        worker.end(None if worker.job is None else self.interruption.received or signal.SIGTERM)

    def close_idle(self) -> None:
        """Do not wait for the uploads of workers that have no job."""
        for worker in [worker for worker in self.workers if worker.job is None]:
            self.workers.remove(worker)
            worker.stop()

    def receive(self) -> None:
        """Handle what workers send within a moment."""
        for worker in self.backend.wait(self.workers, POLL_INTERVAL):
            try:
                message = worker.receive()
            except (EOFError, OSError):
                self.end_worker(worker)
                continue
            self.handle(worker, message)

    def handle(self, worker: Worker, message: Message) -> None:
        """Handle the message of a worker."""
        if isinstance(message, JobStarted):
            worker.folder = message.folder
            self.not_uploaded[message.number] = message.folder
        if isinstance(message, UploadEnded):
            self.not_uploaded.pop(message.number, None)
        if isinstance(message, JobProgress) and worker.job is not None:
            worker.job = self.queue.progressed(worker.job)
        if isinstance(message, JobEnded) and message.status == "KILLED" and not self.is_stopped:
            worker.killed = message  # a signal to its process alone: a failure of this job
        elif isinstance(message, Evaluation):
            trial = worker.job.trial if worker.job is not None else None
            is_pruned = trial is not None and trial.should_prune(message.epoch, message.metrics)
            worker.order(Decision(is_pruned))
        elif not isinstance(message, JobReturn):
            self.queue.event(message)
        elif worker.job is not None:
            self.queue.end(worker.job, message)
            worker.job = None
            if self.is_stopped:
                self.end(worker)

    def end_worker(self, worker: Worker) -> None:
        """Account for a worker that has ended, asked to or not."""
        self.workers.remove(worker)
        code = worker.stop()
        self.check_start(worker)
        if worker.job is None:
            return
        if worker.folder is not None:
            close_if_dead(worker.folder, is_dead=True)
        number = code - SIGNAL_EXIT if code > SIGNAL_EXIT else -code
        reason = f"was ended by {signal_name(number)}" if number > 0 else "has ended early"
        self.end_lost_job(worker, worker.job, worker.reason or f"the process of the job {reason}")

    def check_start(self, worker: Worker) -> None:
        """Count workers that ended before they could take a job.

        Raises:
            UserError: several have done so, one after the other, and none has worked since.
        """
        self.failed_starts = 0 if worker.is_up or self.is_stopped else self.failed_starts + 1
        if self.failed_starts == MAX_FAILED_STARTS and self.queue.waiting:
            raise UserError(f"{MAX_FAILED_STARTS} workers have ended before their first job: {worker.reason}")

    def end_lost_job(self, worker: Worker, job: Job, error: str) -> None:
        """Account for a job whose worker has ended, for a reason in words."""
        entries = job_entries(worker.folder)
        status = job_status(entries)
        if status == "FINISHED":
            value, metrics = stored_results(entries, self.runner.config)
            seconds = metrics.get("time/total", 0.0)
            end = JobEnded(job.number, "FINISHED", value, metrics, seconds, worker.folder)
            self.queue.event(replace(end, pruned=pruned_in(entries)))
            self.queue.end(job, completed(job, value))
        elif self.is_stopped:
            self.queue.event(JobEnded(job.number, "KILLED", folder=worker.folder, name=job.name))
            del self.queue.running[job.number]
        else:
            advice = "nothing of it is recorded"
            if worker.folder is not None and status:
                advice = f"resume with: nnexp resume {quoted_path(worker.folder)}"
            seconds = worker.killed.seconds if worker.killed is not None else 0.0
            end = JobEnded(job.number, "FAILED", None, {}, seconds, worker.folder, error, note=advice)
            event = replace(end, is_lost=True)
            self.queue.event(event)
            self.queue.end(job, failed(job, JobEndedError(f"{error}; {advice}")))
