"""The interfaces of a worker, which runs one job after the other, and of a backend, which starts workers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar

from hydra.core.utils import JobReturn

from nnexp.sweeps.execution.events import Event, JobEnded
from nnexp.sweeps.execution.job import Job, JobRunner
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation

Order = Job | Decision | int | None
"""A job to run, whether it is pruned, the signal by which to end, or None: end when all is uploaded."""
Message = Event | Evaluation | JobReturn
"""Events of a job, evaluations of a trial, which waits for a decision, and the outcome after them."""
POLL_INTERVAL = 0.1  # seconds
SHORTEST = 0.02  # seconds between two looks


class Worker(ABC):
    """A worker as the sweep sees it. No method blocks for long; only `receive` fails where it is dead.

    Attributes:
        job: that it runs; None: it is idle, or waits for uploads.
        folder: of the job, once it has started.
        killed: how its job ended by a signal to the worker alone.
        reason: why it has ended, in words ("Slurm job 7: PREEMPTED"); "": its exit code says so.
        is_up: whether it takes jobs already; those of a worker that is still to start go to others.
    """

    def __init__(self) -> None:
        self.job: Job | None = None
        self.folder: Path | None = None
        self.killed: JobEnded | None = None
        self.reason = ""
        self.is_up = True

    def give(self, job: Job) -> None:
        """Let the worker run a job."""
        self.job = job
        self.folder = None
        self.order(job)

    def end(self, signal: int | None) -> None:
        """Ask the worker to end: its job in order, as by that signal; None: when its uploads are over."""
        self.order(signal)

    @abstractmethod
    def order(self, order: Order) -> None:
        """Send an order; of a worker that is dead, `receive` says so."""

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether `receive` has something to return or raise."""

    @abstractmethod
    def receive(self) -> Message:
        """Return the next message; an EOFError or OSError if the worker has ended and none is left."""

    @abstractmethod
    def stop(self, at_once: bool = False) -> int:
        """End an idle worker, or any `at_once`, and free what it holds; return its exit code or -signal."""


class Backend(ABC):
    """Starts workers, and waits for any of them.

    Attributes:
        lost_retries: how often a job is run again whose worker died before its next evaluation, beyond
            `sweep.retries`.
        shares_files: whether workers are processes of this machine, which map the same data sets.
    """

    lost_retries: ClassVar[int] = 0
    shares_files: ClassVar[bool] = False

    @abstractmethod
    def start(self, runner: JobRunner) -> Worker:
        """Start a worker that runs jobs with `runner`; do not wait until it can."""

    def room(self, planned: int) -> int:
        """Return how many workers there may be now: as planned, or more where machines have joined."""
        return planned

    def wait(self, workers: Sequence[Worker], seconds: float) -> list[Worker]:
        """Wait until workers have something to `receive`, at most so long; return those that have."""
        end = monotonic() + seconds
        while not (ready := [worker for worker in workers if worker.is_ready]) and monotonic() < end:
            sleep(SHORTEST)
        return ready

    def close(self) -> None:
        """Free what the workers had in common, when all have ended."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, at most so long; return whether it does."""
    end = monotonic() + seconds
    while not condition():
        if monotonic() > end:
            return False
        sleep(SHORTEST)
    return True
