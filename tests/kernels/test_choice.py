"""Which path a run computes on, and what it says where Numba is missing."""

import sys
from types import SimpleNamespace

import pytest
from fixtures.processes import entries_of

from nnexp.kernels import choice
from nnexp.kernels.choice import KernelsMissingError, use_kernels

TINY = ["data=digits", "model.hidden=[4]", "tracking=none", "tracking.plots=false"]


class Steps:
    """What `use_kernels` looks at of a trainer."""

    def __init__(self, steps, weights, pixels=0):
        layers = [SimpleNamespace(input_shape=(1, pixels, pixels))] * 2
        self.steps_planned = steps
        self.train = SimpleNamespace(size=100)
        self.network = SimpleNamespace(parameters=range(weights), walk=lambda: layers)


@pytest.mark.parametrize(
    ("steps", "weights", "pixels", "saves"),
    [(10, 100, 0, False), (100_000, 100, 0, True), (500, 10**7, 0, True), (1000, 100, 100, True)],
)
def test_auto_compiles_where_the_run_is_long_enough(steps, weights, pixels, saves):
    assert (choice.seconds_saved(Steps(steps, weights, pixels)) > choice.START) is saves


def test_auto_computes_with_numpy_where_numba_is_missing(monkeypatch):
    monkeypatch.setattr(choice, "is_numba_installed", lambda: False)
    assert use_kernels("auto", Steps(10**6, 10)).path == "numpy"
    with pytest.raises(KernelsMissingError, match="fix: pip install"):
        use_kernels("compiled", Steps(10**6, 10))


def test_a_numba_that_cannot_be_imported_is_named_in_the_header(monkeypatch):
    monkeypatch.setattr(choice, "is_numba_installed", lambda: True)
    monkeypatch.setitem(sys.modules, "nnexp.kernels.substitution", None)
    kernels = use_kernels("auto", Steps(10**6, 10))
    assert (kernels.path, "Numba cannot be imported" in kernels.describe()) == ("numpy", True)
    with pytest.raises(KernelsMissingError, match="-U numba"):
        use_kernels("compiled", Steps(10**6, 10))


def test_a_command_that_asks_for_kernels_without_numba_gets_the_remedy(nnexp, monkeypatch):
    monkeypatch.setattr(choice, "is_numba_installed", lambda: False)
    done = nnexp(*TINY, "trainer.kernels=compiled")
    assert done.returncode == 2
    assert "trainer.kernels=compiled" in done.stderr
    assert "pip install 'nnexp[fast]', or trainer.kernels=auto" in done.stderr


def test_both_paths_say_what_they_are_and_a_run_is_reproduced_on_its_own(nnexp, alone):
    pytest.importorskip("numba")
    done = nnexp(*TINY, "trainer.epochs=2", "trainer.kernels=compiled")
    assert done.returncode == 0, done.stderr
    assert "kernels compiled" in done.stdout + done.stderr
    (folder,) = alone.glob("outputs/runs/*/*")
    assert '"kernels": "compiled"' in (folder / "environment.json").read_text()
    again = nnexp("reproduce", str(folder))
    assert (again.returncode, "identical" in again.stdout) == (0, True), again.stdout + again.stderr
    assert "kernels compiled" in again.stdout
    assert entries_of(folder)[-1]["status"] == "FINISHED"
