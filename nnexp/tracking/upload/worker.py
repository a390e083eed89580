"""The upload process: uploads the journals of runs to MLflow, and has their plots drawn, beside training.

Importing mlflow and matplotlib takes seconds of pure Python; in a thread, it would hold the interpreter lock
that training needs between two matrix products. So this is a process of its own, at low priority, and another
one draws. It serves all runs of the process that started it; when its input ends it finishes what it has and
exits. A run whose process died by then gets the status FAILED.
"""

import gc
import json
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, TextIO

from nnexp.tracking.mlflow.store import MLFLOW_ENV, set_mlflow_defaults
from nnexp.tracking.upload.callbacks import Callbacks
from nnexp.tracking.upload.client import Outcome
from nnexp.tracking.upload.follower import JournalFollower, ProcessState
from nnexp.tracking.upload.thread import SERVER_TIMEOUT, explain

NICENESS = 10  # training comes first
IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTOU")  # this process ends after the one that trains
GRACE_PERIOD, SHORT_TIMEOUT = 60.0, 3.0  # seconds after an error in which the store's timeout is short


class UploadWorker:
    """Serves the process that started this one, until the input ends."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = callbacks
        self.process = ProcessState()
        self.orders: Queue[dict[str, Any] | None] = Queue()

    def run(self) -> None:
        """Serve, and import what that needs meanwhile."""
        detach()
        output = redirect_stdout()
        Thread(target=self.read_orders, daemon=True).start()
        server = Thread(target=self.serve, args=(output,))
        server.start()
        with suppress(Exception):  # reported by what needs it
            if "--mlflow" in sys.argv:
                with self.process.throttle:
                    import_mlflow()
            else:
                self.callbacks.prepare()
        self.process.imported.set()
        server.join()

    def read_orders(self) -> None:
        """Queue the lines of standard input; exit at once if it ends before the first."""
        any_order = False
        for line in sys.stdin:
            any_order = True
            self.orders.put(json.loads(line))
        self.process.closed.set()
        self.orders.put(None)
        if not any_order:
            os._exit(0)  # without waiting for the imports

    def serve(self, output: TextIO) -> None:
        """Upload one run after the other; writes an outcome per line."""
        failed_at = float("-inf")
        while (order := self.orders.get()) is not None:
            set_environment(order["settings"])
            recent = time.monotonic() - failed_at <= GRACE_PERIOD  # not every run of a sweep waits long
            timeout = SHORT_TIMEOUT if recent else SERVER_TIMEOUT
            try:
                follower = JournalFollower(Path(order["folder"]), self.callbacks, self.process, timeout)
                outcome = follower.follow()
            except Exception as error:  # noqa: BLE001, an unexpected error of one run must not cost the next
                outcome = Outcome(error=explain(error))
            if outcome.error:
                failed_at = time.monotonic()
            with suppress(BrokenPipeError):
                print(json.dumps({"folder": order["folder"], **asdict(outcome)}), file=output, flush=True)


def detach() -> None:
    """Continue in a forked child at low priority, which signals to the training process do not end."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)
    for name in IGNORED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def redirect_stdout() -> TextIO:
    """Return standard output, and redirect what libraries print there to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def set_environment(settings: dict[str, str]) -> None:
    """Set MLflow's environment variables to those of the process that trains."""
    variables = MLFLOW_ENV | settings
    for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in variables]:
        del os.environ[name]
    os.environ.update(variables)


def import_mlflow() -> None:
    """Import mlflow while the data are being read; the garbage collector need not scan it, now or later."""
    set_mlflow_defaults()
    gc.disable()
    try:
        import mlflow.pyfunc
        import mlflow.tracking  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()
