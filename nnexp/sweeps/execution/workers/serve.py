"""The loop of a worker: runs one job after the other, and ends when the sweep asks for it or dies."""

import logging
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import Protocol

from hydra.core.utils import JobReturn

from nnexp.errors import Interrupted, UserError
from nnexp.experiment.interruption import Interruption, request_end
from nnexp.messages import first_line
from nnexp.sweeps.execution.events import UploadsLeft
from nnexp.sweeps.execution.job import Job, JobRunner, failed
from nnexp.sweeps.execution.uploads import POLL_INTERVAL, Uploads
from nnexp.sweeps.execution.workers.trials import Decision, WorkersTrial
from nnexp.sweeps.execution.workers.worker import Message, Order


class Connection(Protocol):
    """How a worker receives orders and sends messages; each is used by one thread."""

    def recv(self) -> Order:
        """Wait for the next order; an EOFError or OSError if the sweep has ended the worker, or has died."""

    def send(self, message: Message) -> None:
        """Send a message; an OSError if the sweep has died."""


def serve(connection: Connection, runner: JobRunner) -> None:
    """Run jobs until the sweep asks for the end, or a signal ends one of them: then a SystemExit.

    Only the main thread of a process can call it: signals arrive there.
    """
    logging.raiseExceptions = False  # as in the sweep's own process
    runner.set_up()
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    messages: SimpleQueue[Message | None] = SimpleQueue()
    decisions: SimpleQueue[Decision] = SimpleQueue()
    closed = Flag()
    sender = Thread(target=send_messages, args=(connection, messages), daemon=True)
    sender.start()
    Thread(target=read_orders, args=(connection, jobs, decisions, closed), daemon=True).start()
    uploads = Uploads(messages.put)
    runner = replace(runner, task=replace(runner.task, uploads=uploads))
    try:
        with Interruption():
            while (job := jobs.get()) is not None:
                if job.trial is not None:
                    job = replace(job, trial=WorkersTrial(messages.put, decisions))
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


def read_orders(
    connection: Connection, jobs: "SimpleQueue[Job | None]", decisions: "SimpleQueue[Decision]", closed: Flag
) -> None:
    """Queue what the sweep sends; where it asks for the end, or dies, end the job that runs."""
    try:
        while True:
            order = connection.recv()
            if isinstance(order, int):
                request_end(order)
            elif isinstance(order, Decision):
                decisions.put(order)
            else:
                jobs.put(order)
    except (EOFError, OSError):
        closed.set()
        request_end(signal.SIGTERM)
        decisions.put(Decision(is_pruned=False))  # a job may wait for one
        jobs.put(None)


def send_messages(connection: Connection, messages: "SimpleQueue[Message | None]") -> None:
    """Send messages in a thread of their own, where no signal cuts one off."""
    with suppress(OSError):  # the sweep has died
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
