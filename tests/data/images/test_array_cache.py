"""Decoded arrays are built once, by one of several threads or processes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
from filelock import FileLock

from nnexp.data.dataset import digest
from nnexp.data.images import array_cache
from nnexp.data.images.array_cache import load_or_build


def test_of_several_builders_one_builds_and_the_others_wait(alone, monkeypatch, capfd):
    monkeypatch.setattr(array_cache, "SOON", 0.01)
    started = Event()
    goes_on = Event()
    built = []

    def build():
        started.set()
        assert goes_on.wait(30)
        built.append(np.arange(5))
        return {"x": built[-1]}, digest(built[-1])

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(load_or_build, alone / "cache" / "entry", {"version": 1}, build)
        assert started.wait(30)
        second = pool.submit(load_or_build, alone / "cache" / "entry", {"version": 1}, build)
        while "waiting for another process" not in capfd.readouterr().err:
            pass
        goes_on.set()
        for loaded in (first, second):
            np.testing.assert_array_equal(loaded.result()[0]["x"], np.arange(5))
    assert len(built) == 1


def test_without_a_lock_or_after_long_the_arrays_are_built(alone, monkeypatch):
    monkeypatch.setattr(array_cache, "SOON", 0)
    monkeypatch.setattr(array_cache, "PATIENCE", 0)
    (alone / "entry").mkdir()
    with FileLock(alone / "entry" / ".lock"):
        arrays, _ = load_or_build(alone / "entry", {}, lambda: ({"x": np.ones(2)}, digest(np.ones(2))))
    np.testing.assert_array_equal(arrays["x"], np.ones(2))
    (alone / "file").touch()
    arrays, _ = load_or_build(alone / "file" / "entry", {}, lambda: ({"x": np.ones(2)}, "no folder"))
    np.testing.assert_array_equal(arrays["x"], np.ones(2))
