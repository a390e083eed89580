"""A worker process of a sweep: runs one job after the other, and ends when its parent asks for it or dies."""

import logging
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import DictConfig

from nnexp.errors import Interrupted, UserError
from nnexp.experiment.interruption import request_end
from nnexp.messages import first_line
from nnexp.sweeps.execution.job import Job, JobRunner, failed

Order = Job | int  # a job to run, or the signal by which to end
Message = str | JobReturn  # the folder of a job that starts, or its outcome
TERMINATION_TIMEOUT = 5.0  # seconds


@dataclass
class Worker:
    """The parent's view of a worker process; it ignores Ctrl-C, which reaches the parent."""

    process: BaseProcess
    connection: Connection
    job: Job
    folder: Path | None = None  # of the job, once it has started

    @classmethod
    def start(cls, runner: JobRunner, job: Job) -> "Worker":
        """Start a process that runs a job."""
        context = get_context("spawn")
        connection, other = context.Pipe()
        process = context.Process(target=serve, args=(other, runner), daemon=False)
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the process inherits
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, former)
        other.close()
        worker = cls(process, connection, job)
        worker.give(job)
        return worker

    def give(self, job: Job) -> None:
        """Let the process run a job."""
        self.job = job
        self.folder = None
        with suppress(OSError):  # it has died: `receive` reports it
            self.connection.send(job)

    def request_end(self, number: int) -> None:
        """Let the process end its job in order, as a signal of that number would."""
        with suppress(OSError):  # it has died: `receive` reports it
            self.connection.send(number)

    def receive(self) -> Message:
        """Return the next message; an EOFError or OSError if the process has died."""
        message: Message = self.connection.recv()
        if isinstance(message, str):
            self.folder = Path(message)
        return message

    def stop(self, at_once: bool = False) -> int:
        """Close the connection, at which an idle process ends, and wait for that; returns its exit code."""
        self.connection.close()
        if at_once:
            self.process.terminate()
            self.process.join(TERMINATION_TIMEOUT)
            self.process.kill()
        self.process.join()
        return self.process.exitcode or 0


def serve(connection: Connection, runner: JobRunner) -> None:
    """Run jobs until the connection is closed, or a signal ends one of them."""
    logging.raiseExceptions = False  # as in the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it is not inherited
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    Thread(target=read_orders, args=(connection, jobs), daemon=True).start()
    task = runner.task

    def announced(config: DictConfig) -> object:
        connection.send(HydraConfig.get().runtime.output_dir)
        return task(config)

    announcing = replace(runner, task=announced)
    try:
        while (job := jobs.get()) is not None:
            connection.send(sendable(job, announcing.run(job)))
    except Interrupted as error:
        sys.exit(error.exit_code)
    except OSError:  # the parent has died
        sys.exit(1)


def read_orders(connection: Connection, jobs: "SimpleQueue[Job | None]") -> None:
    """Queue the jobs that the parent sends; where it asks for the end, or dies, end the job that runs."""
    try:
        while True:
            order: Order = connection.recv()
            if isinstance(order, int):
                request_end(order)
            else:
                jobs.put(order)
    except (EOFError, OSError):
        request_end(signal.SIGTERM)
        jobs.put(None)


def sendable(job: Job, outcome: JobReturn) -> JobReturn:
    """Return the outcome of a job without its configuration; an error that cannot be sent, in words."""
    outcome = replace(outcome, cfg=None, hydra_cfg=None)
    try:
        pickle.loads(pickle.dumps(outcome))  # noqa: S301, our own bytes
    except Exception:  # noqa: BLE001, whatever a plug-in's classes raise
        error = outcome._return_value
        return failed(job, UserError(f"{type(error).__name__}: {first_line(error)}"))
    return outcome
