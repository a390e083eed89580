"""Messages between a sweep and its workers through files of a folder that both machines share."""

import pickle
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

from hydra.core.utils import JobReturn

from nnexp.sweeps.execution.job import Job
from nnexp.sweeps.execution.workers.trials import Decision, Evaluation
from nnexp.sweeps.execution.workers.worker import SHORTEST, Message, Order

HEARTBEAT = "heartbeat"  # the file that the sweep writes while it lives
HEARTBEAT_INTERVAL = 10.0  # seconds
HEARTBEAT_TIMEOUT = 120.0  # seconds without one, after which a worker takes the sweep for dead
LENGTH = 8  # bytes before each message
IDLE_INTERVAL = 0.1  # seconds between two looks for an order: a worker without a job
BUSY_INTERVAL = 1.0  # seconds: one with a job
CLOSE = "close"  # in place of an order: end at once


@dataclass
class MessageFile:
    """A file to which one process appends messages, and that another one reads.

    It is opened for each message: a network file system shows what was written before a file was closed to
    those that open it after that.
    """

    path: Path
    position: int = 0  # bytes that were read
    unread: deque[Any] = field(default_factory=deque)

    def append(self, message: object) -> None:
        """Append a message."""
        data = pickle.dumps(message)
        with self.path.open("ab") as file:
            file.write(len(data).to_bytes(LENGTH, "big") + data)

    def fetch(self) -> bool:
        """Read what was appended since; return whether there are messages that were not taken."""
        data = b""
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(self.position)
            data = file.read()
        start = 0
        while (end := start + LENGTH + int.from_bytes(data[start : start + LENGTH], "big")) <= len(data):
            if end == start + LENGTH:  # the length itself is not there yet
                break
            self.unread.append(pickle.loads(data[start + LENGTH : end]))  # noqa: S301, of this sweep
            start = end
        self.position += start
        return bool(self.unread)


@dataclass(frozen=True)
class WorkerStarted:
    """A worker can take jobs: its first message."""

    host: str
    pid: int


@dataclass(frozen=True)
class WorkerEnded:
    """A worker has ended in order, or by a signal: its last message."""

    code: int  # of a process


class FileConnection:
    """A worker's end of the connection."""

    def __init__(self, folder: Path) -> None:
        self.orders = MessageFile(folder / "orders")
        self.messages = MessageFile(folder / "messages")
        self.heartbeat = folder.parent / HEARTBEAT
        self.beat = b""
        self.last_beat = monotonic()
        self.interval = IDLE_INTERVAL
        self.woken = Event()  # out of the pause between two looks
        self.is_broken = False

    def recv(self) -> Order:
        while not self.orders.fetch():
            if self.is_broken or self.is_without_heartbeat():
                raise EOFError
            self.woken.wait(self.interval)
            self.woken.clear()
        order: Order | str = self.orders.unread.popleft()
        if isinstance(order, str):
            raise EOFError
        if isinstance(order, Job | Decision):
            self.interval = BUSY_INTERVAL
        return order

    def send(self, message: Message | WorkerStarted | WorkerEnded) -> None:
        try:
            self.messages.append(message)
        except OSError:
            self.is_broken = True  # the sweep would not learn of its jobs: another worker is to run them
            raise
        if isinstance(message, JobReturn):
            self.interval = IDLE_INTERVAL
        if isinstance(message, Evaluation):  # the job waits
            self.interval = SHORTEST
            self.woken.set()

    def is_without_heartbeat(self) -> bool:
        """Return whether the sweep has died: its heartbeat has not changed for long."""
        now = monotonic()
        with suppress(OSError):
            if (beat := self.heartbeat.read_bytes()) != self.beat:
                self.beat = beat
                self.last_beat = now
        return now - self.last_beat > HEARTBEAT_TIMEOUT


class Heartbeat:
    """The heartbeat of a sweep: a file with a number that grows, until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / HEARTBEAT
        self.ended = Event()
        folder.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"0")
        Thread(target=self.beat, daemon=True, name="heartbeat").start()

    def beat(self) -> None:
        """Write the file again and again."""
        count = 0
        while not self.ended.wait(HEARTBEAT_INTERVAL):
            count += 1
            with suppress(OSError):
                self.path.write_bytes(str(count).encode())

    def stop(self) -> None:
        """Remove the file."""
        self.ended.set()
        self.path.unlink(missing_ok=True)
