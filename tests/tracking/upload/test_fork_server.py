"""The fork server: upload processes of a sweep's workers, which import mlflow once."""

import signal
from contextlib import suppress

import pytest

from nnexp.config.schema import TrackingSettings
from nnexp.experiment.metadata import upload_destination
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.upload.client import ENTRY_POINT, Uploader
from nnexp.tracking.upload.fork_server import IS_SUPPORTED, ForkedProcess, ForkServer
from nnexp.tracking.upload.sync import read_run

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="there is a fork server on Linux only")

FORKING = """
import os, sys
from nnexp.tracking.upload.fork_server import serve_forks

def run():
    for line in sys.stdin:
        print(line.strip(), len(prepared), flush=True)

prepared = []
serve_forks(lambda: prepared.append(1), lambda: os._exit(0) if os.fork() else run())
"""


@pytest.fixture
def no_fork_server():
    assert ForkServer.running is None
    yield
    ForkServer.stop()


@pytest.fixture
def forking(no_fork_server, alone, monkeypatch):
    """A server whose processes return their orders, and say for how many of them it has prepared."""
    (alone / "forking.py").write_text(FORKING)
    monkeypatch.setenv("PYTHONPATH", str(alone))
    ForkServer.start("forking", "http://localhost:5000")


def test_each_process_that_is_forked_has_its_own_channel_and_what_was_prepared_once(forking):
    processes = [ForkedProcess(ForkServer.fork()) for _ in range(3)]
    for number, process in enumerate(processes):
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
    for number, process in enumerate(processes):
        assert process.stdout.readline() == f"{number} 1\n"
        process.stdin.close()
        assert process.stdout.read() == ""
        process.stdout.close()


def test_processes_go_on_when_the_server_has_ended(forking):
    process = ForkedProcess(ForkServer.fork())
    ForkServer.stop()
    assert ForkServer.fork() is None
    with process.stdin, process.stdout:
        process.stdin.write("order\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("order ")


def test_where_the_server_has_died_a_process_starts_its_own(forking):
    with suppress(ProcessLookupError):
        ForkServer.running.process.send_signal(signal.SIGKILL)
    ForkServer.running.process.wait()
    ForkServer.running.socket.close()
    assert ForkServer.fork() is None


def test_a_forked_process_uploads_runs_as_any_other(no_fork_server, alone, monkeypatch):
    monkeypatch.setattr(Uploader, "running", None)
    ForkServer.start(ENTRY_POINT, tracking_uri(None))
    uploader = Uploader(mlflow=True)
    assert isinstance(uploader.process, ForkedProcess)
    folder = alone / "outputs" / "runs" / "a"
    folder.mkdir(parents=True)
    with Journal(folder) as journal:
        tracking = TrackingSettings(plots=False, system=None)
        journal.log_run("name", {"seed": "0"}, {}, upload_destination(tracking, alone, folder))
        uploader.submit(folder)
        journal.log_metrics(1, {"train/loss": 0.5})
        journal.end("FINISHED")
    outcome = uploader.wait(folder)
    assert (outcome.error, read_run(folder).state) == ("", "uploaded")
    monkeypatch.setattr(Uploader, "running", uploader)
    Uploader.stop()
    assert uploader.process.stdout.closed
