"""The process that draws."""

import os
import shutil
import signal

import pytest
from tests.tracking.test_shipment import Nobody

from nnexp import compose, run
from nnexp.plots.worker import PlotWorker, paint
from nnexp.tracking.upload.client import Uploader


@pytest.fixture
def painter():
    painter = PlotWorker()
    yield painter
    painter.stop()


def test_it_draws_what_would_be_drawn_here_and_survives_what_is_no_run(painter, monkeypatch, alone, capfd):
    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: Nobody()))
    folder = run(compose(["data=digits", "trainer.epochs=2", "tracking=none"])).folder
    assert painter.draw(alone / "nowhere")[1] != []
    (folder / "predictions" / "test.npz").write_bytes(b"no arrays")
    drawn, failures = painter.draw(folder)
    assert {"curves.png", "confusion/test.png", "weights/first_layer.png"} <= set(drawn)
    assert all((folder / path).stat().st_size > 0 for path in drawn)
    assert (drawn, failures) == paint(folder)


def test_one_that_was_killed_has_a_successor(painter, alone):
    process = painter.start()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert painter.draw(alone)[1] != []


def test_one_that_cannot_even_begin_is_told(painter, monkeypatch, alone):
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    with pytest.raises(OSError, match=r"ended early|Broken pipe"):
        painter.draw(alone)
