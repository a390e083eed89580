"""A sweep that is killed at random moments and started again: each job finishes once, and none is lost."""

import os
import random
import signal
import time
from collections import Counter

import mlflow
import pytest
from fixtures.processes import Command, assert_same_results, entries_of, kill_all, status_of

from nnexp.run_folder import KIND_TAG

SEED = 0  # of the moments
GRID = ["data=digits", "model.hidden=[8],[16]", "init=he_normal,zeros,orthogonal", "seed=0,1"]
SWEEP = ["-m", *GRID, "trainer.epochs=60", "checkpoint.epochs=5", "sweep.report=false"]
JOBS = 12


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    kill_all()


def kill(command, everything):
    """Kill the sweep with its workers, or also the processes that upload."""
    for pid, line in command.processes().items():
        if everything or " -P " not in line:
            os.kill(pid, signal.SIGKILL)
    command.process.wait()


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_that_is_killed_again_and_again_trains_every_job_once(workers, store, alone):
    sweep = [*SWEEP, f"sweep.jobs={workers}"]
    start = time.monotonic()
    reference = Command(alone / "reference", *sweep, "tracking=none")
    assert reference.wait(600) == 0, reference.output
    seconds = time.monotonic() - start
    moments = random.Random(SEED)
    for attempt in range(10):
        command = Command(alone, *sweep)
        time.sleep(moments.uniform(0.3, seconds / 3))
        kill(command, everything=bool(attempt % 2))
    last = Command(alone, *sweep)
    assert last.wait(600) == 0, last.output
    last.wait_for_processes(600)
    (folder,) = alone.glob("outputs/sweeps/*/*/")
    (expected,) = (alone / "reference").glob("outputs/sweeps/*/*/")
    jobs = [folder / str(number) for number in range(JOBS)]
    assert [status_of(job) for job in jobs] == ["FINISHED"] * JOBS
    assert len(list(folder.glob("[0-9]*"))) == JOBS
    for job in jobs:
        kinds = Counter(entry["kind"] for entry in entries_of(job))
        assert kinds["run"] == 1
        assert_same_results(job, expected / job.name)
    client = mlflow.MlflowClient(f"sqlite:///{store}")
    recorded = client.search_runs([client.get_experiment_by_name("nnexp").experiment_id])
    children = [run for run in recorded if KIND_TAG not in run.data.tags]
    (parent,) = [run for run in recorded if KIND_TAG in run.data.tags]
    assert Counter(run.info.status for run in children) == {"FINISHED": JOBS}
    assert len({run.data.tags["nnexp.config_hash"] for run in children}) == JOBS
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert parent.info.status == "FINISHED"
    before = [len(entries_of(job)) for job in jobs]
    again = Command(alone, *sweep)
    assert again.wait(600) == 0, again.output
    assert [len(entries_of(job)) for job in jobs] == before, "a sweep that is finished trains nothing"
