"""Jobs of a sweep that their trials prune: displayed, recorded and reported as such."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from nnexp.run_folder import RunFolder, history
from nnexp.sweeps.execution import sweeper
from nnexp.sweeps.execution.job import Job

SWEEP = ["-m", "data=digits", "trainer.epochs=3", "tracking=none", "optimizer.lr=0.0001,0.01"]


@dataclass(frozen=True)
class BelowHalf:
    """A trial that is pruned while fewer than half of the validation examples are right."""

    def should_prune(self, epoch, metrics):
        return metrics["val/accuracy"] < 0.5


@pytest.fixture
def pruned(monkeypatch):
    monkeypatch.setattr(sweeper, "Job", lambda number, overrides: Job(number, overrides, trial=BelowHalf()))


def sweep_folder() -> Path:
    (path,) = Path("outputs").rglob("sweep.json")
    return path.parent


def test_a_pruned_job_is_shown_recorded_and_not_ranked(pruned, nnexp):
    shown = nnexp(*SWEEP)
    assert shown.returncode == 0, shown.stderr
    assert "pruned in epoch 1: validation" in shown.stdout
    assert "2 of 2 finished (1 pruned)" in shown.stdout
    folder = sweep_folder()
    ends = [RunFolder(folder / str(i)).entries()[-1] for i in range(2)]
    assert [end.get("pruned", "") for end in ends] == ["epoch 1", ""]
    assert [end["status"] for end in ends] == ["FINISHED"] * 2
    metrics = {}
    for _, values in history(RunFolder(folder).entries()):
        metrics |= values
    assert (metrics["sweep/finished"], metrics["sweep/pruned"]) == (2, 1)
    best = json.loads((folder / "1" / "confusion" / "val.json").read_text())["accuracy"]
    assert metrics["sweep/best"] == best
    report = (folder / "report.html").read_text()
    assert "2 runs: 1 pruned, 1 finished" in report
    assert "pruned in epoch 1" in report
    assert "pruned" in (folder / "runs.csv").read_text()


def test_a_pruned_job_is_finished_when_the_sweep_is_started_again(pruned, nnexp):
    nnexp(*SWEEP)
    again = nnexp(*SWEEP)
    assert "2 are finished already: skipped" in again.stdout
    assert "2 of 2 finished (1 pruned)" in again.stdout
    assert len(list(Path("outputs").rglob("sweep.json"))) == 1
