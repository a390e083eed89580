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
from threading import Event as Flag
from threading import Thread

from hydra.core.utils import JobReturn

from nnexp.errors import Interrupted, UserError
from nnexp.experiment.interruption import Interruption, request_end
from nnexp.messages import first_line
from nnexp.sweeps.execution.events import Event, JobEnded, JobStarted, UploadsLeft
from nnexp.sweeps.execution.job import Job, JobRunner, failed
from nnexp.sweeps.execution.uploads import POLL_INTERVAL, Uploads
from nnexp.tracking.upload.client import Uploader
from nnexp.tracking.upload.fork_server import Channel, ForkServer

Order = Job | int | None  # a job to run, the signal by which to end, or None: end when all is uploaded
Message = Event | JobReturn
TERMINATION_TIMEOUT = 5.0  # seconds


@dataclass
class Worker:
    """The parent's view of a worker process; it ignores Ctrl-C, which reaches the parent."""

    process: BaseProcess
    connection: Connection
    job: Job | None = None  # that it runs
    folder: Path | None = None  # of the job, once it has started
    killed: JobEnded | None = None  # how its job ended by a signal

    @classmethod
    def start(cls, runner: JobRunner) -> "Worker":
        """Start a process."""
        context = get_context("spawn")
        connection, other = context.Pipe()
        channel = ForkServer.fork()
        process = context.Process(target=serve, args=(other, runner, channel), daemon=False)
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the process inherits
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, former)
        other.close()
        if channel is not None:
            channel.close()
        return cls(process, connection)

    def give(self, job: Job) -> None:
        """Let the process run a job."""
        self.job = job
        self.folder = None
        self.order(job)

    def order(self, order: Order) -> None:
        """Send an order; a process that has died is seen by `receive`."""
        with suppress(OSError):
            self.connection.send(order)

    def receive(self) -> Message:
        """Return the next message; an EOFError or OSError if the process has ended."""
        message: Message = self.connection.recv()
        if isinstance(message, JobStarted):
            self.folder = message.folder
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


def serve(connection: Connection, runner: JobRunner, channel: Channel | None = None) -> None:
    """Run jobs until the parent asks for the end, or a signal ends one of them."""
    logging.raiseExceptions = False  # as in the parent
    runner.set_up()
    Uploader.connect(channel)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it is not inherited
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    messages: SimpleQueue[Message | None] = SimpleQueue()
    closed = Flag()
    sender = Thread(target=send_messages, args=(connection, messages), daemon=True)
    sender.start()
    Thread(target=read_orders, args=(connection, jobs, closed), daemon=True).start()
    uploads = Uploads(messages.put)
    runner = replace(runner, task=replace(runner.task, uploads=uploads))
    try:
        with Interruption():
            while (job := jobs.get()) is not None:
                messages.put(sendable(job, runner.run(job, messages.put)))
            if uploads.left:
                messages.put(UploadsLeft())
            while uploads.left and not closed.wait(POLL_INTERVAL):
                pass
    except Interrupted as error:
        sys.exit(error.exit_code)
    finally:
        messages.put(None)
        sender.join()


def read_orders(connection: Connection, jobs: "SimpleQueue[Job | None]", closed: Flag) -> None:
    """Queue the jobs that the parent sends; where it asks for the end, or dies, end the job that runs."""
    try:
        while True:
            order: Order = connection.recv()
            if isinstance(order, int):
                request_end(order)
            else:
                jobs.put(order)
    except (EOFError, OSError):
        closed.set()
        request_end(signal.SIGTERM)
        jobs.put(None)


def send_messages(connection: Connection, messages: "SimpleQueue[Message | None]") -> None:
    """Send messages in a thread of their own, where no signal cuts one off."""
    with suppress(OSError):  # the parent has died
        while (message := messages.get()) is not None:
            connection.send(message)


def sendable(job: Job, outcome: JobReturn) -> JobReturn:
    """Return the outcome of a job; an error that cannot be sent, in words."""
    try:
        pickle.loads(pickle.dumps(outcome))  # noqa: S301, our own bytes
    except Exception:  # noqa: BLE001, whatever a plug-in's classes raise
        error = outcome._return_value
        return failed(job, UserError(f"{type(error).__name__}: {first_line(error)}"))
    return outcome
