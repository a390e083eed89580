"""What an upload process does to itself: detaches, redirects its output, sets MLflow up."""

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TextIO

from nnexp.tracking.mlflow.store import MLFLOW_ENV, URI_VARIABLE, set_mlflow_defaults
from nnexp.tracking.mlflow.store_errors import SERVERS
from nnexp.tracking.upload.lean_import import import_lean

NICENESS = 10  # training comes first
IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTOU")  # this process ends after the one that trains
DATABASE_STORE = "mlflow.store.tracking.sqlalchemy_store"  # imported when a database is opened
ABSENT = ("dbruntime", "IPython")  # optional, and mostly not installed
REQUEST_TIMEOUT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}  # longer than commands, which are waited for


def detach(niceness: int = NICENESS) -> None:
    """Continue in a forked child at low priority, which signals to the training process do not end."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)
    for name in IGNORED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)


def redirect_stdout() -> TextIO:
    """Return standard output, and redirect what libraries print there to standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def send_line(output: TextIO, **fields: Any) -> None:
    """Send a JSON object to the process that started this one, if it is still there."""
    with suppress(BrokenPipeError):
        print(json.dumps(fields), file=output, flush=True)


def set_environment(settings: dict[str, str]) -> None:
    """Set MLflow's environment variables to those of the process that trains."""
    variables = MLFLOW_ENV | REQUEST_TIMEOUT | settings
    for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in variables]:
        del os.environ[name]
    os.environ.update(variables)


def remember_absent_modules() -> None:
    """Let Python not search for modules that are not installed: MLflow imports them with each request."""
    for name in ABSENT:
        if name not in sys.modules and find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]  # as the import system documents


def import_mlflow(*modules: str) -> None:
    """Import mlflow while the data are being read; the garbage collector need not scan it, now or later."""
    set_mlflow_defaults()
    remember_absent_modules()
    gc.disable()
    try:
        import_lean(*modules)
    finally:
        gc.freeze()
        gc.enable()


def store_modules() -> list[str]:
    """Return what the store needs besides, as far as is known before a run."""
    return [] if os.environ.get(URI_VARIABLE, "").startswith(SERVERS) else [DATABASE_STORE]
