"""A process beside training that draws plots, so that neither training nor an upload waits for matplotlib."""

import gc
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

    `warm_up` is called when the process starts, `make_outputs` with each run's folder.
    """

    def __init__(self, make_outputs: MakeOutputs, warm_up: Callable[[], object]) -> None:
        self.functions = (make_outputs, warm_up)
        self.process: BaseProcess | None = None
        self.connection: Connection | None = None
        self.starting = Lock()

    def start(self) -> None:
        """Start the process if it is not running."""
        with self.starting:
            if self.process is not None and self.process.is_alive():
                return
            self.stop()
            context = get_context("spawn")
            self.connection, other = context.Pipe()
            self.process = context.Process(target=_serve, args=(other, *self.functions))
            with other:
                self.process.start()

    def stop(self) -> None:
        """Close the connection, at which the process ends, and wait for that."""
        if self.connection is not None:
            self.connection.close()
        if self.process is not None and self.process.pid is not None:
            self.process.join()

    def make_outputs(self, folder: Path) -> Outputs:
        """Call the function with a run's folder; an OSError if the process cannot be started, or has died."""
        self.start()
        assert self.connection is not None
        try:
            self.connection.send(folder)
            outputs: Outputs = self.connection.recv()
        except (EOFError, OSError) as error:
            raise OSError("the plot process has ended early") from error
        return outputs


def _serve(connection: Connection, make_outputs: MakeOutputs, warm_up: Callable[[], object]) -> None:
    """Answer each folder with the outputs; ends when the other process closes the connection or ends."""
    warm_up()
    gc.freeze()  # the collector need not scan what was imported again for each plot
    with suppress(EOFError, OSError):
        while True:
            folder = connection.recv()
            try:
                outputs = make_outputs(folder)
            except Exception as error:  # noqa: BLE001, a full disk, a library's bug: the next run may be fine
                outputs = [], [f"{type(error).__name__}: {error}"]
            connection.send(outputs)
