"""What an upload process does to itself: detaches, redirects its output, sets MLflow up."""

import gc
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, TextIO

from nnexp.tracking.mlflow.store import MLFLOW_ENV, set_mlflow_defaults

NICENESS = 10  # training comes first
IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTTOU")  # this process ends after the one that trains
DATABASE_STORE = "mlflow.store.tracking.sqlalchemy_store"  # imported when a database is opened
ABSENT = ("dbruntime", "IPython")  # optional, and mostly not installed
COLORS = "pygments"  # optional for Alembic's error messages, which nobody sees here
SPARSE = "scipy"  # optional for MLflow, for inputs that no model here has
LAZY = "gateway"  # the package of MLflow that imports a web framework
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


class LazyPackage(ModuleType):
    """A package whose own code runs when a name of it is used; its modules are imported without that."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # as the import system documents
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextmanager
def lean_imports() -> Iterator[None]:
    """Leave out, within the block, what MLflow imports and an upload does not use: a fifth of the time."""
    hides_scipy = SPARSE not in sys.modules
    if hides_scipy:
        sys.modules[SPARSE] = None  # type: ignore[assignment]
    mlflow = find_spec("mlflow")
    spec = PathFinder.find_spec(f"mlflow.{LAZY}", mlflow.submodule_search_locations) if mlflow else None
    if spec is not None and spec.submodule_search_locations and "mlflow" not in sys.modules:
        package = module_from_spec(spec)
        package.__class__ = LazyPackage
        sys.modules[spec.name] = package
    try:
        yield
    finally:
        if hides_scipy:
            del sys.modules[SPARSE]


def import_mlflow(*modules: str) -> None:
    """Import mlflow while the data are being read; the garbage collector need not scan it, now or later."""
    set_mlflow_defaults()
    remember_absent_modules()
    sys.modules.setdefault(COLORS, None)  # type: ignore[arg-type]
    gc.disable()
    try:
        try:
            with lean_imports():
                _import("mlflow.pyfunc", "mlflow.tracking", *modules)
        except ImportError:  # of a version that needs all of it
            for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
                del sys.modules[name]
            _import("mlflow.pyfunc", "mlflow.tracking", *modules)
    finally:
        gc.freeze()
        gc.enable()


def _import(*names: str) -> None:
    for name in names:
        import_module(name)
