"""Workers that are jobs of Slurm, or processes that stand for them, submitted by submitit.

A worker is one submitted job and runs jobs of the sweep one after the other: thousands of short jobs do not
wait in Slurm's queue for themselves, and a search gives its next trial to whichever worker is free. One that
reaches its time limit, is preempted or whose node fails is replaced, and its job goes on from its checkpoint.
"""

import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from nnexp.errors import UserError
from nnexp.experiment.interruption import FURTHER
from nnexp.sweeps.execution.events import JobEnded
from nnexp.sweeps.execution.job import JobRunner
from nnexp.sweeps.execution.workers.message_files import (
    CLOSE,
    FileConnection,
    Heartbeat,
    MessageFile,
    WorkerEnded,
    WorkerStarted,
)
from nnexp.sweeps.execution.workers.process import TERMINATION_TIMEOUT, threads_of_workers
from nnexp.sweeps.execution.workers.serve import serve
from nnexp.sweeps.execution.workers.worker import Backend, Message, Order, Worker, wait_until

FOLDER = ".workers"  # in the sweep's folder, while the sweep goes on
QUERY_INTERVAL = 20.0  # seconds between two questions to Slurm which jobs there are
INIT = ("submitit_folder", "max_num_timeout")  # settings of the executor itself
OF_NNEXP = ("array_parallelism",)  # settings that the sweep reads
OF_ALL = (
    *("timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name"),
    "stderr_to_stdout",
)  # settings that each executor of submitit knows


class SubmititWorker(Worker):
    """A submitted job that runs jobs of the sweep; it is up once it has started."""

    def __init__(self, submitted: Any, folder: Path, cluster: str) -> None:
        super().__init__()
        self.submitted = submitted  # submitit's Job
        self.folder_of_files = folder
        self.cluster = cluster
        self.orders = MessageFile(folder / "orders")
        self.messages = MessageFile(folder / "messages")
        self.is_up = False
        self.is_over = False  # by its own message, or the cluster's word
        self.code = 0
        self.pid = 0  # on this machine

    def order(self, order: Order) -> None:
        if not isinstance(order, int | None) or self.is_up:
            with suppress(OSError):
                self.orders.append(order)
        else:
            self.cancel()  # it waits in the queue: there is nothing to end in order

    @property
    def is_ready(self) -> bool:
        is_over = self.is_over
        while self.messages.fetch() and isinstance(self.messages.unread[0], WorkerStarted | WorkerEnded):
            message = self.messages.unread.popleft()
            if isinstance(message, WorkerEnded):
                self.is_over = True
                self.code = message.code
                return True
            self.is_up = True
            self.pid = message.pid
        return bool(self.messages.unread) or is_over

    def receive(self) -> Message:
        if not self.messages.unread:
            raise EOFError
        message: Message = self.messages.unread.popleft()
        if isinstance(message, JobEnded) and message.status == "KILLED":
            self.reason = f"{self.title}: its time was up, or it was preempted or cancelled"
        return message

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{'Slurm' if self.cluster == 'slurm' else 'submitit'} job {self.submitted.job_id}"

    def lose(self, state: str = "") -> None:
        """Note that the cluster does not run it any longer."""
        self.is_over = True
        how = f": {state}" if state else ""
        self.reason = self.reason or f"{self.title} has ended early{how}; log: {self.log}"

    @property
    def log(self) -> Path:
        """The file with what it has written to standard error."""
        path: Path = self.submitted.paths.stderr
        return path

    def cancel(self) -> None:
        """Let the cluster end it at once."""
        self.is_over = True
        if self.cluster == "slurm":
            with suppress(OSError):
                self.submitted.cancel(check=False)
            return
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            for pid in (self.pid, int(self.submitted.job_id)):
                with suppress(ProcessLookupError):
                    if pid:
                        os.kill(pid, number)
            if wait_until(self.submitted.done, TERMINATION_TIMEOUT):
                return

    def stop(self, at_once: bool = False) -> int:
        if at_once or not (self.is_up or self.is_over):
            self.cancel()
        elif not self.is_over:
            with suppress(OSError):
                self.orders.append(CLOSE)
            wait_until(lambda: self.is_ready and self.is_over, TERMINATION_TIMEOUT)
        if self.cluster == "local":
            wait_until(self.submitted.done, TERMINATION_TIMEOUT)
        shutil.rmtree(self.folder_of_files, ignore_errors=True)
        return self.code


class Submitit(Backend):
    """Submits workers with an executor of submitit: `local` or `slurm`.

    Args:
        folder: of the sweep, which all machines share.
        cluster: the executor.
        settings: hydra.launcher.*, with the names of Hydra's submitit launcher.
        threads: of the linear algebra library, in each worker.
    """

    lost_retries: ClassVar[int] = 3

    def __init__(self, folder: Path, cluster: str, settings: Mapping[str, Any], threads: int) -> None:
        from submitit import AutoExecutor

        self.cluster = cluster
        self.folder = folder.resolve() / FOLDER
        self.threads = threads
        given = {name: value for name, value in settings.items() if value is not None}
        options = {}
        if cluster == "slurm":
            options["slurm_max_num_timeout"] = given.get("max_num_timeout", 0)
            extra = {"no-requeue": True}  # the sweep itself runs a job again, in another worker
            given["additional_parameters"] = extra | given.get("additional_parameters", {})
        parameters = {
            name if name in OF_ALL else f"{cluster}_{name}": value
            for name, value in given.items()
            if name not in INIT + OF_NNEXP
        }
        with refused(cluster):
            self.executor = AutoExecutor(given["submitit_folder"], cluster=cluster, **options)
            self.executor.update_parameters(**parameters)
        self.numbers = count()
        shutil.rmtree(self.folder, ignore_errors=True)  # of a sweep that was killed
        self.heartbeat = Heartbeat(self.folder)
        self.queried = monotonic()

    def start(self, runner: JobRunner) -> Worker:
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a local process inherits
        try:
            with threads_of_workers(self.threads), refused(self.cluster):
                submitted = self.executor.submit(SubmittedWorker(folder, runner))
        finally:
            signal.signal(signal.SIGINT, former)
        return SubmititWorker(submitted, folder, self.cluster)

    def wait(self, workers: Sequence[Worker], seconds: float) -> list[Worker]:
        self.query([worker for worker in workers if isinstance(worker, SubmititWorker)])
        return super().wait(workers, max(seconds, len(workers) / 100))  # a file system has other users

    def query(self, workers: Sequence[SubmititWorker]) -> None:
        """Ask the cluster now and then which workers it does not run any longer."""
        if self.cluster == "local":
            for worker in workers:
                if not worker.is_over and worker.submitted.done():
                    worker.lose()
        elif monotonic() - self.queried > QUERY_INTERVAL:
            self.queried = monotonic()
            active = active_slurm_jobs()
            for worker in workers:
                if active is not None and not worker.is_over and worker.submitted.job_id not in active:
                    worker.lose(worker.submitted.watcher.get_state(worker.submitted.job_id, mode="force"))

    def close(self) -> None:
        self.heartbeat.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def refused(cluster: str) -> Iterator[None]:
    """Raise a UserError where submitit, or the cluster, refuses settings."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())
        fix = "fix: the settings hydra.launcher.*, named as in sbatch"
        raise UserError(f"hydra/launcher=submitit_{cluster}: refused: {reason}; {fix}") from error


def active_slurm_jobs() -> set[str] | None:
    """Return the ids of the user's jobs that wait or run; None where Slurm does not answer."""
    command = ["squeue", "--noheader", "--me", "--format=%i"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=QUERY_INTERVAL)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())


@dataclass(frozen=True)
class SubmittedWorker:
    """What submitit runs: a worker whose messages go through files of a folder."""

    folder: Path
    runner: JobRunner

    def __call__(self) -> None:
        try:
            (self.folder / "started").touch(exist_ok=False)
        except OSError:  # Slurm has put it into the queue again, or the sweep is over
            return
        for name in FURTHER:  # submitit's handlers would run a worker again; an end in order suits jobs
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        connection = FileConnection(self.folder)
        connection.send(WorkerStarted(platform.node(), os.getpid()))
        code = 0
        try:
            serve(connection, self.runner)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        with suppress(OSError):
            connection.send(WorkerEnded(code))
