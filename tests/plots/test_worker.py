"""The process that draws."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from nnexp import compose, run
from nnexp.experiment.upload_process import make_outputs
from nnexp.plots.worker import PlotWorker


@pytest.fixture
def worker():
    worker = PlotWorker(make_outputs, os.getpid)
    yield worker
    worker.stop()


def test_it_makes_the_same_outputs_as_this_process_and_reports_failures(worker, no_upload, alone):
    folder = run(compose(["data=digits", "trainer.epochs=2", "tracking=none"])).folder
    assert worker.make_outputs(alone / "missing")[1] != []
    (folder / "predictions" / "test.npz").write_bytes(b"no arrays")
    paths, failures = worker.make_outputs(folder)
    assert {"curves.png", "confusion/test.png", "weights/first_layer.png"} <= set(paths)
    assert all((folder / path).stat().st_size > 0 for path in paths)
    assert (paths, failures) == make_outputs(folder)


def test_a_killed_process_is_replaced(worker, alone):
    worker.prepare()
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join()
    assert worker.make_outputs(alone)[1] != []


def test_a_process_that_cannot_start_is_reported(alone):
    worker = PlotWorker(make_outputs, partial(os._exit, 1))
    worker.prepare()
    with pytest.raises(OSError, match="ended early"):
        worker.make_outputs(alone)
    worker.stop()


FORKED = """
import os, sys
from pathlib import Path
from nnexp.plots.worker import PlotWorker

def make_outputs(folder):
    return [str(os.getppid()), str(os.read(0, 9))], []

reader, writer = os.pipe()
worker = PlotWorker(make_outputs, lambda: None)
worker.fork()
os.close(writer)
(parent, read), _ = worker.make_outputs(Path())
assert os.read(reader, 1) == b""  # the fork does not hold the pipe open
assert (parent, read) == (str(os.getpid()), "b''"), (parent, read)
worker.stop()
assert worker.process.exitcode == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_a_fork_keeps_no_connection_of_its_parent_open():
    subprocess.run([sys.executable, "-c", FORKED], check=True, input=b"an order", timeout=60)
