"""The process beside training that draws a run's pictures and ships its journal to MLflow.

Importing mlflow and matplotlib takes seconds of pure Python; in a thread it would hold the interpreter's lock that training
needs between two matrix products, so it is a process of its own, at low priority. It reads orders from standard input, a line
of JSON each, and answers each with another; one process serves all runs of a sweep's worker. When the input ends it finishes
what it has and goes; a run whose writer died by then is told as FAILED.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from nnexp.tracking import journal
from nnexp.tracking.baseline import fetch
from nnexp.tracking.sender import PATIENCE, Sender, told
from nnexp.tracking.system import Monitor

POLL = 0.1  # seconds between two looks at the journal
NICENESS = 10  # training comes first
GRACE, BRIEFLY = 60.0, 3.0  # for so many seconds a store that failed is waited for so many seconds only


class Follower:
    """Follows the journal of one run to its end: hands entries to the sender, watches the machine, draws the pictures.

    Args:
        folder: the run's; its journal has begun.
        alive: whether the process that writes the journal still does.
        patience: seconds to wait for a store without a sign of life, at the end.
    """

    def __init__(self, folder: Path, alive: Callable[[], bool], patience: float = PATIENCE) -> None:
        self.folder, self.alive, self.patience = folder, alive, patience
        self.entries: list[journal.Entry] = []
        self.offset = 0
        self.pending = self.news()
        head = self.entries[0]
        place = head["destination"] or {}
        self.note = ""
        self.baseline = Thread(target=self.fetch_baseline, args=(place.get("baseline"), place), daemon=True)
        self.baseline.start()
        self.sender = Sender(folder) if place else None
        self.monitor = Monitor(folder, head["writer"]["pid"], place.get("system"))

    def follow(self) -> dict[str, Any]:
        """Returns what became of the run."""
        pending = self.pending
        while True:
            alive = self.alive()
            pending += self.news()
            if any(entry["kind"] == "end" for entry in pending) or not alive:
                break
            self.put(pending + self.monitor.look(), self.offset)
            pending = []
            time.sleep(POLL)
        if not any(entry["kind"] == "end" for entry in pending):  # the writer died: nobody else will say so
            pending.append({"kind": "end", "time": time.time_ns() // 1_000_000, "status": "FAILED"})
        self.put(pending[:-1])
        self.put([{"kind": "artifact", "path": path} for path in self.draw()])
        self.put(pending[-1:], self.offset)
        error = self.sender.finish(self.patience) if self.sender else ""
        return {"folder": str(self.folder), "run_id": self.sender.run_id if self.sender else "", "error": error, "note": self.note}

    def fetch_baseline(self, text: str | None, place: dict[str, Any]) -> None:
        if text is not None:
            self.note = fetch(self.folder, text, place)

    def put(self, entries: list[journal.Entry], offset: int | None = None) -> None:
        if self.sender is not None:
            self.sender.put(entries, offset)

    def news(self) -> list[journal.Entry]:
        entries, self.offset = journal.read(self.folder, self.offset)
        self.entries += entries
        return entries

    def draw(self) -> list[str]:
        """The pictures; none of them is worth a run's record."""
        from nnexp.tracking.figures import draw_all

        self.baseline.join(self.patience)
        failures: list[str] = []
        try:
            drawn = draw_all(self.folder, self.entries, failures)
        except Exception as error:  # noqa: BLE001, a full disk, a library's surprise
            drawn, failures = [], [told(error)]
        if failures:
            self.note = f"could not be drawn: {'; '.join(failures)}"
        return drawn


def main() -> None:
    """Serve the process that started this one, until its end of the pipe closes."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)  # whoever ends the starting process with all its children, as a pool of workers does, does not find us
    for sign in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(sign, signal.SIG_IGN)  # what ends a whole group is for who trains to answer; its end is ours
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not garble the answers
    orders: Queue[str | None] = Queue()
    taken, closed = threading.Event(), threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            taken.set()
            orders.put(line)
        closed.set()
        orders.put(None)
        if not taken.is_set():
            os._exit(0)  # nothing to finish, not even the imports

    threading.Thread(target=listen, daemon=True).start()
    _warm_up(sys.argv[1:])
    silent_since = float("-inf")
    while (line := orders.get()) is not None:
        order = json.loads(line)
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        os.environ.update(order["settings"])
        patience = PATIENCE if time.monotonic() - silent_since > GRACE else BRIEFLY  # the runs of a sweep need not all wait for it
        try:
            outcome = Follower(Path(order["folder"]), lambda: not closed.is_set(), patience).follow()
        except Exception as error:  # noqa: BLE001, one run's surprise is not the next one's
            outcome = {"folder": order["folder"], "run_id": "", "error": told(error), "note": ""}
        if outcome["error"]:
            silent_since = time.monotonic()
        with suppress(BrokenPipeError):
            print(json.dumps(outcome), file=answers, flush=True)


def _warm_up(options: list[str]) -> None:
    """Import what will be needed while the data are still being read."""
    from nnexp.tracking import figures
    from nnexp.tracking.store import quiet

    if "--mlflow" in options:
        quiet()
        import mlflow.pyfunc
        import mlflow.tracking  # noqa: F401
    figures.warm_up()


if __name__ == "__main__":
    main()
