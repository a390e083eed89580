"""The session of all tests: floating-point errors raise, no network, an empty working directory."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several at once must not each want all cores, nor what they start
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

for _name in ("SIGINT", "SIGHUP", "SIGQUIT"):  # ignored where the suite runs in the background
    if hasattr(signal, _name) and signal.getsignal(getattr(signal, _name)) == signal.SIG_IGN:
        default = signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL
        signal.signal(getattr(signal, _name), default)
hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")
LOCAL = ("127.0.0.1", "::1", "localhost")
pytest_plugins = [
    f"fixtures.{name}"
    for name in ("commands", "ensembles", "fake_slurm", "mlflow_server", "trained_runs", "uploads", "users")
]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--list-skipped", metavar="FILE", help="write the ids of skipped tests, one a line")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the tests and modules that were skipped: `pytest @FILE` runs them once they can run."""
    if path := config.getoption("list_skipped"):
        skipped = sorted({report.nodeid for report in terminalreporter.stats.get("skipped", [])})
        (config.invocation_params.dir / path).write_text(
            "".join(f"{name}\n" for name in skipped), encoding="utf-8"
        )


@pytest.fixture(autouse=True)
def strict_floats() -> Iterator[None]:
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's cache folder, of all tests: the digits are read from scikit-learn only once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Path:
    """Run in an empty working directory, which also holds data, without settings of the user."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "HYDRA_FULL_ERROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NNEXP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NNEXP_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise OSError(f"a test wanted the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs: making one takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    code = "import sys; from nnexp.tracking.mlflow.store import open_store; open_store(sys.argv[1], 'unused')"
    subprocess.run([sys.executable, "-c", code, f"sqlite:///{path}"], check=True)
    return path


@pytest.fixture
def store(empty_store: Path, alone: Path) -> Path:
    """The working directory's store, there already."""
    (alone / "mlruns").mkdir()
    return shutil.copy(empty_store, alone / "mlruns" / "mlflow.db")


MNIST_ROOT = os.environ.get("NNEXP_DATA", "")


@pytest.fixture
def mnist_root() -> Path:
    """The folder that holds mnist/; the test is skipped where there is none."""
    root = Path(MNIST_ROOT).expanduser().resolve() if MNIST_ROOT else None
    if root is None or not any(root.glob("mnist/*ubyte*")):
        pytest.skip("needs MNIST: set NNEXP_DATA to the folder that holds mnist/")
    return root


@pytest.fixture
def compare() -> Callable[..., None]:
    """Arrays equal to a relative and absolute 1e-10: what float64 oracles are held to."""

    def check(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
        np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=tolerance, atol=tolerance)

    return check
