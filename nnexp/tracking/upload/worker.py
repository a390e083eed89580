"""The process beside training that ships a run's journal to MLflow, and has its pictures drawn.

Importing mlflow and matplotlib takes seconds of pure Python; in a thread it would hold the interpreter's lock that training
needs between two matrix products, so it is a process of its own, at low priority; so is the one that draws. It reads orders
from standard input, a line of JSON each, and answers each with another; one process serves all runs of a sweep's worker. When
the input ends it finishes what it has and goes; a run whose writer died by then is told as FAILED.
"""

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any, TextIO

from nnexp.plots.worker import PlotWorker
from nnexp.tracking import journal
from nnexp.tracking.mlflow.store import MLFLOW_ENV, set_mlflow_defaults
from nnexp.tracking.upload.system_metrics import Monitor
from nnexp.tracking.upload.thread import PATIENCE, UploadThread, told
from nnexp.tracking.upload.throttle import Throttle

POLL = 0.05  # seconds between two looks at the journal
NICENESS = 10  # training comes first
UNNOTICED = 2.0  # seconds that the import of mlflow stands still when a run begins, which is all that a short one sees
SETTLED = 5.0  # seconds that a run goes on before drawing is prepared: of a short one that can wait
GRACE, BRIEFLY = 60.0, 3.0  # for so many seconds a store that failed is waited for so many seconds only


class Follower:
    """Follows the journal of one run to its end: hands entries to the sender, watches the machine, draws the pictures.

    Args:
        folder: the run's; its journal has begun.
        alive: whether the process that writes the journal still does.
        painter: draws its pictures.
        imported: set when mlflow is.
        pause: holds that import up.
        patience: seconds to wait for a store without a sign of life, at the end.
    """

    def __init__(
        self,
        folder: Path,
        alive: Callable[[], bool],
        painter: PlotWorker,
        imported: Event,
        pause: Throttle,
        patience: float = PATIENCE,
    ) -> None:
        self.folder, self.alive, self.painter, self.imported, self.pause = (
            folder,
            alive,
            painter,
            imported,
            pause,
        )
        self.patience = patience
        self.began = time.monotonic()
        self.offset = 0
        self.pending = self.news()
        head = self.pending[0]
        place = head["destination"] or {}
        self.note = ""
        self.baseline = Thread(target=self.fetch_baseline, args=(place.get("baseline"), place), daemon=True)
        self.baseline.start()
        self.sender = UploadThread(folder, before=imported) if place else None
        self.monitor = Monitor(folder, head["writer"]["pid"], place.get("system"))

    def follow(self) -> dict[str, Any]:
        """Returns what became of the run."""
        self.pause.hold(UNNOTICED)
        pending = self.pending
        while True:
            alive = self.alive()
            pending += self.news()
            if any(entry["kind"] == "end" for entry in pending) or not alive:
                break
            self.put(pending + self.monitor.look(), self.offset)
            pending = []
            if time.monotonic() - self.began > SETTLED:
                with suppress(OSError):  # told when it is needed
                    self.painter.start()
            time.sleep(POLL)
        self.pause.release()
        if not any(entry["kind"] == "end" for entry in pending):  # the writer died: nobody else will say so
            pending.append({"kind": "end", "time": time.time_ns() // 1_000_000, "status": "FAILED"})
        self.put([*pending[:-1], {"kind": "model"}])  # the model goes out while the pictures are drawn
        self.put([{"kind": "artifact", "path": path} for path in self.draw()])
        self.put(pending[-1:], self.offset)
        error = self.sender.finish(self.patience) if self.sender else ""
        return {
            "folder": str(self.folder),
            "run_id": self.sender.run_id if self.sender else "",
            "error": error,
            "note": self.note,
        }

    def fetch_baseline(self, text: str | None, place: dict[str, Any]) -> None:
        if text is not None:
            self.imported.wait()
            from nnexp.runs.baseline import fetch

            self.note = fetch(self.folder, text, place)

    def put(self, entries: list[journal.Entry], offset: int | None = None) -> None:
        if self.sender is not None:
            self.sender.put(entries, offset)

    def news(self) -> list[journal.Entry]:
        entries, self.offset = journal.read(self.folder, self.offset)
        return entries

    def draw(self) -> list[str]:
        """The pictures; none of them is worth a run's record."""
        try:
            self.painter.start()
            if self.baseline.is_alive():
                self.imported.wait()  # the baseline's store may take its time, not the import before
            self.baseline.join(self.patience)
            drawn, failures = self.painter.draw(self.folder)
        except OSError as error:
            drawn, failures = [], [told(error)]
        if failures:
            self.note = f"could not be drawn: {'; '.join(failures)}"
        return drawn


def main() -> None:
    """Serve the process that started this one, until its end of the pipe closes."""
    if hasattr(os, "fork") and os.fork():
        os._exit(
            0
        )  # whoever ends the starting process with all its children, as a pool of workers does, does not find us
    for name in (
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
        "SIGTTOU",
    ):  # what ends a whole group is for who trains to answer; its end is ours
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not garble the answers
    orders: Queue[str | None] = Queue()
    taken, closed = Event(), Event()

    def listen() -> None:
        for line in sys.stdin:
            taken.set()
            orders.put(line)
        closed.set()
        orders.put(None)
        if not taken.is_set():
            os._exit(0)  # nothing to finish, not even the imports

    Thread(target=listen, daemon=True).start()
    painter, imported, pause = PlotWorker(), Event(), Throttle()
    server = Thread(target=serve, args=(orders, answers, closed, painter, imported, pause))
    server.start()
    with suppress(Exception):  # whoever needs it tells why there is none
        if "--mlflow" in sys.argv:
            with pause:
                import_mlflow()
        else:
            painter.start()
    imported.set()
    server.join()


def serve(
    orders: "Queue[str | None]",
    answers: TextIO,
    closed: Event,
    painter: PlotWorker,
    imported: Event,
    pause: Throttle,
) -> None:
    """Ship one run after the other."""
    silent_since = float("-inf")
    while (line := orders.get()) is not None:
        order = json.loads(line)
        settings = MLFLOW_ENV | order["settings"]
        for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in settings]:
            del os.environ[name]
        os.environ.update(settings)
        patience = (
            PATIENCE if time.monotonic() - silent_since > GRACE else BRIEFLY
        )  # the runs of a sweep need not all wait for it
        try:
            outcome = Follower(
                Path(order["folder"]), lambda: not closed.is_set(), painter, imported, pause, patience
            ).follow()
        except Exception as error:  # noqa: BLE001, one run's surprise is not the next one's
            outcome = {"folder": order["folder"], "run_id": "", "error": told(error), "note": ""}
        if outcome["error"]:
            silent_since = time.monotonic()
        with suppress(BrokenPipeError):
            print(json.dumps(outcome), file=answers, flush=True)


def import_mlflow() -> None:
    """While the data are still being read; what stays for good is no work for the collector of garbage, now or later."""
    set_mlflow_defaults()
    gc.disable()
    try:
        import mlflow.pyfunc
        import mlflow.tracking  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


if __name__ == "__main__":
    main()
