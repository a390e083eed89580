"""Many runs in one process take no more memory, threads, open files or processes than a few."""

import os
import threading
from pathlib import Path

import pytest

from nnexp import compose
from nnexp.experiment.run import run

RUN = ["data=digits", "data.limit=128", "model.hidden=[8]", "trainer.epochs=1"]
TOLERANCE = 1.1


def usage():
    """Measure this process and those that it started: memory in MB, threads, open files, processes."""
    psutil = pytest.importorskip("psutil")
    here = Path.cwd()
    processes = []
    for process in psutil.process_iter():  # the upload process leaves the tree, but not the working directory
        try:
            if process.pid == os.getpid() or Path(process.cwd()) == here:
                processes.append(process)
        except (psutil.Error, OSError):
            continue
    return {
        "memory": sum(process.memory_info().rss for process in processes) / 1e6,
        "threads": len(threads()),
        "files": psutil.Process().num_fds() if os.name == "posix" else psutil.Process().num_handles(),
        "processes": len(processes),
    }


def threads():
    """Name the threads of this process that are its own: xdist's are dummies."""
    return sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("Dummy"))


def soak(few, many, tracking):
    """Return the usage after a few runs, and after many."""
    measured = []
    for i in range(many):
        run(compose([*RUN, f"tracking={tracking}", f"seed={i}"]), folder=f"{i}")
        if i + 1 in (few, many):
            measured.append(usage())
    return measured


def assert_bounded(before, after):
    """Compare usages; a library may start one thread late, a run that leaked its own would leave one each."""
    grown = {
        name: (before[name], value)
        for name, value in after.items()
        if value > before[name] * TOLERANCE + (name == "threads")
    }
    assert grown == {}, threads()


class NoUploader:
    """Starts no process, in which plots would take a second for each run."""

    start = classmethod(lambda cls, mlflow: cls())

    def submit(self, folder, in_background=False):
        pass

    def wait(self, folder, show=None):
        from nnexp.tracking.upload.client import Outcome

        return Outcome()


def test_seven_runs_take_no_more_than_two(monkeypatch):
    monkeypatch.setattr("nnexp.experiment.run.Uploader", NoUploader)
    assert_bounded(*soak(few=2, many=7, tracking="none"))


@pytest.mark.long
def test_500_runs_take_no_more_than_20(store):
    assert_bounded(*soak(few=20, many=500, tracking="mlflow"))
