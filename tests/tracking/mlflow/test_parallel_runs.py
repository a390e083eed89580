"""Processes that start runs at once on one SQLite store that is not there yet."""

import subprocess
import sys

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.runs.query import Runs

pytestmark = accepts_warnings


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=pytest.mark.long)])
def test_all_runs_are_finished_and_no_lock_is_reported(alone, count):
    words = [sys.executable, "-m", "nnexp", "data=digits", "trainer.epochs=1", "trainer.threads=1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*words, f"seed={seed}"], cwd=alone, **pipes) for seed in range(count)]
    for process in processes:
        output, errors = process.communicate()
        assert (process.returncode, errors) == (0, ""), output
        assert "view it with: nnexp ui" in output
    runs = Runs().select()
    assert [run.status for run in runs] == ["FINISHED"] * count
    assert {run.params["seed"] for run in runs} == {str(seed) for seed in range(count)}
