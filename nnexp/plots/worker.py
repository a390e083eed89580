"""A second process beside training, which draws: it need not wait for the one that sends, nor that one for it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock

Drawn = tuple[list[str], list[str]]
"""The paths of the pictures in the run's folder, and what could not be drawn."""


class PlotWorker:
    """Draws the pictures of runs, one after the other, in a process of its own; that ends when this one does."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.starting = Lock()

    def start(self) -> "subprocess.Popen[str]":
        """Have the process import what it needs; does nothing where it does, or has."""
        with self.starting:
            if self.process is not None and self.process.poll() is not None:
                self.stop()
            if self.process is None:
                command = [sys.executable, "-P", "-m", __name__]
                self.process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            return self.process

    def stop(self) -> None:
        """Wait until the process has ended."""
        if self.process is not None:
            with suppress(BrokenPipeError):
                self.process.communicate()
            self.process = None

    def draw(self, folder: Path) -> Drawn:
        """The pictures and tables of a run whose folder is complete but for them.

        Raises:
            OSError: the process cannot be started, or has ended.
        """
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(str(folder)) + "\n")
        process.stdin.flush()
        if not (line := process.stdout.readline()):
            raise OSError("the process that draws has ended early")
        drawn, failures = json.loads(line)
        return drawn, failures


def paint(folder: Path) -> Drawn:
    """Draw here and now."""
    from nnexp.plots import draw_all
    from nnexp.tracking import journal
    from nnexp.tracking.prediction_tables import write_tables

    entries, _ = journal.read(folder)
    failures: list[str] = []
    return draw_all(folder, entries, failures) + write_tables(folder, failures), failures


def main() -> None:
    """Serve the process that started this one: a folder a line comes in, what was drawn goes out."""
    from nnexp import plots as figures

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not garble the answers
    figures.warm_up()
    for line in sys.stdin:
        try:
            answer = paint(Path(json.loads(line)))
        except Exception as error:  # noqa: BLE001, a full disk, a library's surprise: the next run may fare better
            answer = [], [f"{type(error).__name__}: {error}"]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
