"""A process that has imported mlflow and forks the upload processes of a sweep's workers.

The import takes seconds and 150 MB in each process that does it for itself. As in multiprocessing's fork
server, nothing else runs in the process that is forked: no thread, no open store.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO, Any, ClassVar

from nnexp.detached import detached
from nnexp.errors import FULL_ERROR
from nnexp.tracking.mlflow.store_errors import SERVERS

IS_SUPPORTED = sys.platform == "linux"  # on macOS, libraries do not survive a fork
OPTION, FOR_DATABASE = "--fork-server", "--for-database"


@dataclass(frozen=True)
class Channel:
    """The connections to an upload process that was forked; they can be given to a worker that is spawned."""

    orders: "Connection[Any, Any]"
    outcomes: "Connection[Any, Any]"

    def close(self) -> None:
        """Close both, once another process has them."""
        self.orders.close()
        self.outcomes.close()


class ForkedProcess:
    """An upload process at the other end of a channel, with the attributes of `Popen` that are used."""

    def __init__(self, channel: Channel) -> None:
        self.stdin: IO[str] | None = opened(channel.orders, "w")
        self.stdout: IO[str] | None = opened(channel.outcomes, "r")

    def poll(self) -> int | None:
        """Return None: it is no child of this process."""
        return None


def opened(connection: "Connection[Any, Any]", mode: str) -> IO[str]:
    """Open the file descriptor of a connection, which is closed, as a text file."""
    file = os.fdopen(os.dup(connection.fileno()), mode, encoding="utf-8")
    connection.close()
    return file


class ForkServer:
    """The fork server of this process, seen from here; it ends with `stop`, or with this process."""

    running: ClassVar["ForkServer | None"] = None

    def __init__(self, entry_point: str, *options: str) -> None:
        self.socket, theirs = socket.socketpair()
        null = subprocess.DEVNULL
        errors = None if os.environ.get(FULL_ERROR) == "1" else null
        command = [sys.executable, "-P", "-m", entry_point, OPTION, *options]
        with theirs:
            self.process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=null, stderr=errors, **detached()
            )

    @classmethod
    def start(cls, entry_point: str, uri: str) -> None:
        """Start the fork server of this process for a store at `uri`, where the platform has one."""
        if IS_SUPPORTED and cls.running is None:
            cls.running = cls(entry_point, *([] if uri.startswith(SERVERS) else [FOR_DATABASE]))

    @classmethod
    def stop(cls) -> None:
        """Let the process end; those that it has forked go on."""
        if cls.running is not None:
            cls.running.socket.close()
            cls.running.process.wait()
            cls.running = None

    @classmethod
    def fork(cls) -> Channel | None:
        """Return the channel to a new upload process; None where no fork server runs."""
        if cls.running is None:
            return None
        their_orders, orders = Pipe(duplex=False)
        outcomes, their_outcomes = Pipe(duplex=False)
        with their_orders, their_outcomes, suppress(OSError):
            descriptors = [their_orders.fileno(), their_outcomes.fileno()]
            socket.send_fds(cls.running.socket, [b"."], descriptors)
            return Channel(orders, outcomes)
        Channel(orders, outcomes).close()
        return None  # it has died


def serve_forks(prepare: Callable[[], object], run: Callable[[], object]) -> None:
    """Fork a process that calls `run` for each pair of descriptors that arrives at standard input.

    Args:
        prepare: imports what the processes need, before the first.
        run: reads orders from standard input, and writes outcomes to standard output.
    """
    assert sys.platform == "linux"
    with socket.socket(fileno=os.dup(0)) as server:
        with suppress(Exception):  # reported by what needs it
            prepare()
        while descriptors := receive_descriptors(server):
            if not (child := os.fork()):
                break
            os.waitpid(child, 0)  # which forks once more, and ends at once
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            return
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    run()


def receive_descriptors(server: socket.socket) -> list[int]:
    """Return the descriptors of the next message; none when the other end is closed."""
    try:
        return socket.recv_fds(server, 1, 2)[1]
    except OSError:
        return []
