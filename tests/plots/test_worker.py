"""The process that draws."""

import os
import signal
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
    worker.start()
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join()
    assert worker.make_outputs(alone)[1] != []


def test_a_process_that_cannot_start_is_reported(alone):
    worker = PlotWorker(make_outputs, partial(os._exit, 1))
    with pytest.raises(OSError, match="ended early"):
        worker.make_outputs(alone)
    worker.stop()
