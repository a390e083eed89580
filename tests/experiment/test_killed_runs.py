"""A run that was killed with SIGKILL at any moment, and resumed, is the run that was never disturbed."""

import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fixtures.killed_runs import kill_after, recorded, run, start, wait_for_session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and sessions are of POSIX")

OVERRIDES = (
    "data=digits",
    "trainer.epochs=12",
    "model.hidden=[32]",
    "model.dropout=0.1",
    "averaging=ema",
    "trainer.threads=1",
    "checkpoint.seconds=0.02",
    "hydra.run.dir=outputs/runs/it",
)
MOMENTS = [  # function and call
    ("nnexp.experiment.run:write_run_metadata", 1),
    ("nnexp.training.checkpoint.checkpoint_file:write_atomically", 1),
    ("os:replace", 12),
    ("nnexp.tracking.journal:Journal._write", 20),
    ("nnexp.experiment.run:evaluate_split", 2),
    ("nnexp.experiment.run:write_results", 1),
    ("nnexp.tracking.journal:Journal.end", 1),
    ("nnexp.experiment.run:finish", 1),
]
RANDOM_MOMENTS = 50


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = tmp_path_factory.mktemp("undisturbed")
    assert run(project, *OVERRIDES) == 0, (project / "output.txt").read_text("utf-8")
    return recorded(project, project / "outputs/runs/it")


def tail(project: Path) -> str:
    return (project / "output.txt").read_text("utf-8")[-300:]


def assert_resumes(project: Path, undisturbed: dict[str, Any]) -> None:
    folder = project / "outputs/runs/it"
    started = (folder / "config.yaml").exists()
    arguments = ("resume", str(folder)) if started else OVERRIDES
    resumed = start(project, *arguments)
    code = resumed.wait(timeout=300)
    wait_for_session(resumed.pid)
    output = (project / "output.txt").read_text("utf-8")
    if "the run is finished" in output or "run: nnexp sync" in output:
        while (code := run(project, "sync")) and "another process is uploading" in tail(project):
            time.sleep(1)
    assert code == 0, output
    result = recorded(project, folder)
    assert not result["doubled"]
    for name, expected in undisturbed.items():
        assert result[name] == expected, name


@pytest.mark.parametrize("moment", [MOMENTS[1], MOMENTS[3], MOMENTS[5]], ids=lambda moment: moment[0])
def test_a_run_that_is_killed_within_a_call_resumes_to_the_same_bits(moment, undisturbed, tmp_path: Path):
    assert run(tmp_path, *OVERRIDES, kill_at=moment) == -9
    assert_resumes(tmp_path, undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment[0])
@pytest.mark.parametrize("call", [1, 2, 7])
def test_a_run_that_is_killed_within_any_call_resumes_to_the_same_bits(
    moment, call: int, undisturbed, tmp_path: Path
):
    if run(tmp_path, *OVERRIDES, kill_at=(moment[0], call)) == -9:
        assert_resumes(tmp_path, undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(RANDOM_MOMENTS))
def test_a_run_that_is_killed_at_random_moments_resumes_to_the_same_bits(
    seed: int, undisturbed, tmp_path: Path
):
    """Killed once to three times: the process that trains, or all of its session."""
    chance = random.Random(seed)
    folder = tmp_path / "outputs/runs/it"
    for _ in range(chance.randint(1, 3)):
        arguments = ("resume", str(folder)) if (folder / "config.yaml").exists() else OVERRIDES
        process = start(tmp_path, *arguments)
        if not kill_after(process, chance.uniform(0.3, 6), everything=chance.random() < 0.5):
            break
    wait_for_session(process.pid, seconds=chance.choice([0, 0, 20]))
    assert_resumes(tmp_path, undisturbed)
