"""Sweeps from the command line: what fails, what runs again, what ends them, what they return."""

import re

import pytest
from fixtures.processes import entries_of, status_of

from nnexp.run_folder import SWEEP_KIND
from nnexp.sweeps.execution.job import JobRunner
from nnexp.sweeps.execution.workers.pool import WorkerPool

SHORT = ["-m", "data=digits", "trainer.epochs=1", "model.hidden=[8]", "tracking=none", "sweep.report=false"]
FAILING = ["optimizer=sgd", "optimizer.lr=1e30,0.1", "loss=softmax_cross_entropy,mean_absolute_error"]


def sweep_of(alone):
    (sweep,) = alone.glob("outputs/sweeps/*/*/")
    return sweep


def test_jobs_that_fail_are_shown_at_once_and_at_the_end_with_their_reasons_and_the_others_run(nnexp, alone):
    done = nnexp(*SHORT, *FAILING)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert [status_of(sweep_of(alone) / job) for job in "0123"] == ["FAILED", "", "FINISHED", ""]
    before, _, table = done.stderr.partition("failed    3 of 4 jobs:")
    for reason in ("training diverged: the loss is NaN", "and digits is a classification"):
        assert reason in before
        assert reason in table
    logs = re.findall(r"log: (\S+)", before)
    assert all((alone / path).stat().st_size for path in logs)
    assert entries_of(sweep_of(alone))[-1]["status"] == "FAILED"
    assert entries_of(sweep_of(alone))[0]["tags"]["nnexp.kind"] == SWEEP_KIND


def test_a_job_that_fails_runs_again_as_often_as_is_asked_for(nnexp, alone):
    done = nnexp(*SHORT, "optimizer=sgd", "optimizer.lr=1e30,0.1", "sweep.retries=2")
    assert done.returncode == 1
    attempts = re.findall(r"attempt (\d) of 3, runs again", done.stderr)
    assert attempts == ["1", "2"]
    kinds = [entry["kind"] for entry in entries_of(sweep_of(alone) / "0")]
    assert (kinds.count("run"), kinds.count("resume"), kinds.count("end")) == (1, 2, 3)


def test_finished_jobs_are_skipped_without_a_process_or_a_job_of_hydra(nnexp, alone, monkeypatch):
    command = [*SHORT, "seed=0,1"]
    assert nnexp(*command).returncode == 0
    for runner in (JobRunner, WorkerPool):
        monkeypatch.setattr(runner, "run", lambda *_: pytest.fail("a finished job was begun"))
    for workers in (1, 2):
        again = nnexp(*command, f"sweep.jobs={workers}")
        assert again.returncode == 0
        assert "2 of 2 finished" in again.stdout
    assert [entry["kind"] for entry in entries_of(sweep_of(alone) / "0")].count("run") == 1


EXITING = """
from pathlib import Path
import sys
from nnexp.optim.optimizers import SGD


class Exiting(SGD):
    def step(self, scale=1.0):
        if self.lr > 0.1 and not Path("exited").exists():
            Path("exited").touch()
            sys.exit(0)
        super().step(scale)
"""


@pytest.mark.parametrize("retries", [0, 1])
def test_a_plug_in_that_exits_ends_its_job_only_which_runs_again_with_its_plug_ins(
    retries, nnexp, alone, monkeypatch
):
    name = f"exiting_{retries}"
    (alone / f"{name}.py").write_text(EXITING)
    monkeypatch.syspath_prepend(alone)
    optimizer = [f"plugins=[{name}]", f"optimizer._target_={name}.Exiting", "optimizer.lr=0.2,0.1"]
    done = nnexp(*SHORT, "optimizer=sgd", *optimizer, f"sweep.retries={retries}")
    assert done.returncode == 1 - retries
    assert "SystemExit: 0" in done.stderr
    statuses = [status_of(sweep_of(alone) / job) for job in "01"]
    assert statuses == ["FINISHED" if retries else "FAILED", "FINISHED"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_failure_ends_a_sweep_that_is_to_fail_fast(jobs, nnexp, alone):
    lr = "optimizer.lr=1e30,0.1,0.2,0.3,0.4,0.5"
    endless = "trainer.epochs=1000000"  # no job ends before the first has failed
    done = nnexp(*SHORT, "optimizer=sgd", lr, "sweep.fail_fast=true", f"sweep.jobs={jobs}", endless)
    assert done.returncode == 1
    assert "nnexp: sweep.fail_fast=true: the first job that failed has ended the sweep" in done.stderr
    assert "Traceback" not in done.stderr
    statuses = [status_of(sweep_of(alone) / job) for job in "012345"]
    assert statuses[0] == "FAILED"
    assert statuses[-1] == ""
    assert set(statuses[1:]) <= {"KILLED", ""}


def test_a_dry_run_shows_the_plan_and_writes_nothing(nnexp, alone):
    done = nnexp(*SHORT, "seed=0,1", "sweep.dry_run=true")
    assert done.returncode == 0, done.stderr
    assert "2 jobs" in done.stdout
    assert list(alone.glob("outputs/**/*")) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sweep_ends_where_outputs_is_a_symbolic_link(jobs, nnexp, alone, tmp_path_factory):
    (alone / "outputs").symlink_to(tmp_path_factory.mktemp("disk"))
    quick = ["data=digits", "model=softmax", "trainer.epochs=1", "tracking=none", "sweep.report=false"]
    done = nnexp("-m", *quick, "seed=0,1", f"sweep.jobs={jobs}")
    assert (done.returncode, "2 of 2 finished" in done.stdout) == (0, True), done.stderr
