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
from typing import TYPE_CHECKING, Any

from nnexp.tracking import journal
from nnexp.tracking.store import StoreError, address, first_line, log_metrics, log_params, open_store, redacted

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

POLL = 0.2  # seconds between two looks at the journal
NICENESS = 10  # training comes first


class Shipment:
    """One run on its way to MLflow.

    Args:
        folder: the run's; its journal has begun.
        alive: whether the process that writes the journal still does.
    """

    def __init__(self, folder: Path, alive: Callable[[], bool]) -> None:
        self.folder, self.alive = folder, alive
        self.entries: list[journal.Entry] = []
        self.offset = 0
        self.client: MlflowClient | None = None
        self.run_id = ""

    def ship(self) -> dict[str, Any]:
        """Follow the journal to its end; returns what became of the run."""
        error = ""
        pending: list[journal.Entry] = []
        while True:
            alive = self.alive()
            pending += self.news()
            if any(entry["kind"] == "end" for entry in pending) or not alive:
                break
            if not error:  # a store that failed once is asked again at the end
                error = self.try_to_send(pending)
            time.sleep(POLL)
        if not any(entry["kind"] == "end" for entry in pending):  # the writer died: nobody else will say so
            pending.append({"kind": "end", "time": time.time_ns() // 1_000_000, "status": "FAILED"})
        before_end, end = pending[:-1], pending[-1]
        before_end += [{"kind": "artifact", "path": path, "time": end["time"]} for path in self.draw()]
        error = self.try_to_send(before_end) or self.try_to_send([end])
        return {"folder": str(self.folder), "run_id": self.run_id, "error": error}

    def news(self) -> list[journal.Entry]:
        entries, self.offset = journal.read(self.folder, self.offset)
        self.entries += entries
        return entries

    def draw(self) -> list[str]:
        from nnexp.tracking.figures import draw_all

        return draw_all(self.folder, self.entries)

    def try_to_send(self, entries: list[journal.Entry]) -> str:
        """Send and forget these entries; on failure return why."""
        try:
            self.send(entries)
        except StoreError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001, whatever a server, a disk or a network can do must not lose the run
            return redacted(f"{type(error).__name__}: {first_line(error)}")
        entries.clear()
        return ""

    def send(self, entries: list[journal.Entry]) -> None:
        if not entries or self.entries[0]["destination"] is None:
            return
        if self.client is None:
            self.client, self.run_id = self.open()
        from mlflow.entities import Metric

        log_metrics(
            self.client,
            self.run_id,
            [Metric(name, value, e["time"], e["step"]) for e in entries if e["kind"] == "metrics" for name, value in e["values"].items()],
        )
        for entry in entries:
            if entry["kind"] == "artifact":
                self.client.log_artifact(self.run_id, str(self.folder / entry["path"]), os.path.dirname(entry["path"]) or None)
            elif entry["kind"] == "end":
                self.client.set_terminated(self.run_id, entry["status"], entry["time"])

    def open(self) -> tuple["MlflowClient", str]:
        """Open the store and create the run."""
        head = self.entries[0]
        place = head["destination"]
        client, experiment_id = open_store(address(place["uri"], Path(place["folder"])), place["experiment"])
        run = client.create_run(experiment_id, head["time"], tags=head["tags"], run_name=head["name"])
        log_params(client, run.info.run_id, head["params"])
        return client, run.info.run_id


def main() -> None:
    """Serve the process that started this one, until its end of the pipe closes."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)  # whoever ends the starting process with all its children, as a pool of workers does, does not find us
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who trains says what it means
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
    while (line := orders.get()) is not None:
        order = json.loads(line)
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        os.environ.update(order["settings"])
        outcome = Shipment(Path(order["folder"]), lambda: not closed.is_set()).ship()
        with suppress(BrokenPipeError):
            print(json.dumps(outcome), file=answers, flush=True)


def _warm_up(options: list[str]) -> None:
    """Import what will be needed while the data are still being read."""
    from nnexp.tracking import figures
    from nnexp.tracking.store import quiet

    if "--mlflow" in options:
        quiet()
        import mlflow.tracking  # noqa: F401
    figures.warm_up()


if __name__ == "__main__":
    main()
