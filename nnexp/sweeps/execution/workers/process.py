"""Workers that are processes of this machine."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection as connections
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from threading import current_thread, main_thread
from typing import Any, ClassVar

from nnexp.sweeps.execution.job import JobRunner
from nnexp.sweeps.execution.workers.serve import serve
from nnexp.sweeps.execution.workers.worker import Backend, Message, Order, Worker
from nnexp.tracking.upload.client import Uploader
from nnexp.tracking.upload.fork_server import Channel, ForkServer

Pipe = connections.Connection
TERMINATION_TIMEOUT = 5.0  # seconds
LIBRARIES = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR")
THREADS = [*(f"{library}_NUM_THREADS" for library in LIBRARIES), "VECLIB_MAXIMUM_THREADS"]


class WorkerProcess(Worker):
    """A process; it ignores Ctrl-C, which reaches its parent.

    Args:
        runner: of its jobs.
        target: what it calls with its connection, the runner, and the channel to its upload process.
    """

    def __init__(self, runner: JobRunner, target: Callable[..., None] | None = None) -> None:
        super().__init__()
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        channel = ForkServer.fork()
        arguments = (other, runner, channel)
        self.process: BaseProcess = context.Process(
            target=target or serve_parent, args=arguments, daemon=False
        )
        with ignored_ctrl_c():
            self.process.start()
        other.close()
        if channel is not None:
            channel.close()

    def order(self, order: Order) -> None:
        with suppress(OSError):
            self.pipe.send(order)

    @property
    def is_ready(self) -> bool:
        return self.pipe.poll()

    def receive(self) -> Message:
        message: Message = self.pipe.recv()
        return message

    def stop(self, at_once: bool = False) -> int:
        """Close the connection, at which an idle process ends, and wait for that; returns its exit code."""
        self.pipe.close()
        if at_once:
            self.process.terminate()
            self.process.join(TERMINATION_TIMEOUT)
            self.process.kill()
        self.process.join()
        return self.process.exitcode or 0


@dataclass(frozen=True)
class Processes(Backend):
    """Processes of this machine, with so many threads of linear algebra each."""

    shares_files: ClassVar[bool] = True
    threads: int = 1

    def start(self, runner: JobRunner) -> Worker:
        with threads_of_workers(self.threads):
            return WorkerProcess(runner)

    def wait(self, workers: Sequence[Worker], seconds: float) -> list[Worker]:
        pipes: dict[Any, Worker] = {w.pipe: w for w in workers if isinstance(w, WorkerProcess)}
        return [pipes[pipe] for pipe in connections.wait(list(pipes), seconds)]


def serve_parent(pipe: "Pipe[Any, Any]", runner: JobRunner, channel: Channel | None) -> None:
    """Run jobs in a process that was started for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it is not inherited
    Uploader.connect(channel)
    serve(pipe, runner)


@contextmanager
def ignored_ctrl_c() -> Iterator[None]:
    """Let processes that start within the block ignore Ctrl-C, where this thread can see to it."""
    if current_thread() is not main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which they inherit
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


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
