"""A process beside training that draws plots, so that neither training nor an upload waits for matplotlib."""

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock

Outputs = tuple[list[str], list[str]]  # paths within a run's folder, and error messages
MakeOutputs = Callable[[Path], Outputs]


class PlotWorker:
    """Calls a function in a process of its own, which ends with this one and is replaced if it dies.

    `make_outputs` is called with each run's folder; `warm_up` before the first, where there is time for it.
    """

    def __init__(self, make_outputs: MakeOutputs, warm_up: Callable[[], object]) -> None:
        self.functions = (make_outputs, warm_up)
        self.process: BaseProcess | None = None
        self.connection: Connection | None = None
        self.using = Lock()

    def fork(self) -> None:
        """Fork the process, where libraries survive that; call it while this process has one thread.

        A fork has what is imported already; a process that is spawned imports it again, in 0.2 s.
        """
        if sys.platform == "linux":
            self._start(in_fork=True)

    def prepare(self) -> None:
        """Start the process if it is not running, and let it warm up."""
        with self.using, suppress(OSError):  # it has died: `make_outputs` reports it
            self._connect().send(None)

    def stop(self) -> None:
        """Close the connection, at which the process ends, and wait for that."""
        if self.connection is not None:
            self.connection.close()
        if self.process is not None and self.process.pid is not None:
            self.process.join()

    def make_outputs(self, folder: Path) -> Outputs:
        """Call the function with a run's folder; an OSError if the process cannot be started, or has died."""
        with self.using:
            try:
                connection = self._connect()
                connection.send(folder)
                outputs: Outputs = connection.recv()
            except (EOFError, OSError) as error:
                raise OSError("the plot process has ended early") from error
        return outputs

    def _connect(self) -> Connection:
        """Return the connection to the process, which is started if it is not running."""
        if self.process is None or not self.process.is_alive():
            self.stop()
            self._start()
        assert self.connection is not None
        return self.connection

    def _start(self, in_fork: bool = False) -> None:
        context = get_context("fork") if in_fork else get_context("spawn")
        self.connection, other = context.Pipe()
        serve = _serve_alone if in_fork else _serve
        self.process = context.Process(target=serve, args=(other, *self.functions))
        with other:
            self.process.start()


def _serve_alone(connection: Connection, make_outputs: MakeOutputs, warm_up: Callable[[], object]) -> None:
    """Serve in a fork, which must not keep the other end of any connection open."""
    connection_number = connection.fileno()
    os.closerange(3, connection_number)
    if hasattr(os, "sysconf"):
        os.closerange(connection_number + 1, os.sysconf("SC_OPEN_MAX"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _serve(connection, make_outputs, warm_up)


def _serve(connection: Connection, make_outputs: MakeOutputs, warm_up: Callable[[], object]) -> None:
    """Answer each folder with the outputs; ends when the other process closes the connection or ends."""
    gc.freeze()
    with suppress(EOFError, OSError):
        while True:
            if (folder := connection.recv()) is None:
                warm_up()
                gc.freeze()  # the collector need not scan what was imported again for each plot
                continue
            try:
                outputs = make_outputs(folder)
            except Exception as error:  # noqa: BLE001, a full disk, a library's bug: the next run may be fine
                outputs = [], [f"{type(error).__name__}: {error}"]
            connection.send(outputs)
