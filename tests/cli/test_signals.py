"""Signals to commands and their processes; those of the long tests come at random moments."""

import os
import random
import signal
import time
from pathlib import Path

import mlflow
import pytest
from fixtures.processes import (
    Command,
    assert_ended_in_order,
    assert_same_results,
    entries_of,
    kill_all,
    status_of,
    wait_until,
)

from nnexp.__main__ import main
from nnexp.cli.help import COMMANDS
from nnexp.tracking.active_runs import is_being_uploaded
from nnexp.tracking.mlflow.upload_state import UploadState

SMALL = ["data=digits", "model.hidden=[8]"]
ENDLESS = [*SMALL, "trainer.epochs=1000000"]
SWEEP = ["-m", "tracking=none", "hydra.sweep.dir=sweep"]
PARALLEL = [*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
SLOW = "trainer.batch_size=1"  # so that a store has few epochs to take when the run ends
SEED = 0  # of the moments


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    kill_all()


def epochs_of(run):
    return sum(entry["kind"] == "metrics" for entry in entries_of(run))


@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interrupted_run_is_killed_at_once_and_uploaded_in_the_background(number, group, store, alone):
    command = Command(alone, *ENDLESS, "hydra.run.dir=run")
    command.wait_for(lambda: epochs_of(alone / "run") > 3)
    command.interrupt(number, group)
    assert command.wait() == 128 + number
    assert assert_ended_in_order(command, alone / "run") == "KILLED"
    command.wait_for_processes()
    client = mlflow.MlflowClient(f"sqlite:///{store}")
    run = client.get_run(UploadState.load(alone / "run").run_id)
    assert run.info.status == "KILLED"
    assert run.data.metrics["best/epoch"] >= 1
    assert "test/accuracy" not in run.data.metrics, "only a run that ends by itself is tested"
    assert {"curves.png", "confusion", "weights"} <= {
        file.path for file in client.list_artifacts(run.info.run_id)
    }


@pytest.mark.parametrize("everything", [False, True])
def test_a_run_that_dies_is_failed_in_journal_and_store_and_the_next_command_says_so(
    everything, store, alone, capsys
):
    command = Command(alone, *ENDLESS, SLOW, "hydra.run.dir=run")
    command.wait_for(lambda: UploadState.load(alone / "run").run_id and epochs_of(alone / "run"))
    for pid in command.processes() if everything else [command.process.pid]:
        os.kill(pid, signal.SIGKILL)
    command.wait()
    if everything:  # a process that is killed holds its locks until its last thread is gone
        wait_until(lambda: not is_being_uploaded(alone / "run"))
    else:  # the upload process ends journal and upload
        client = mlflow.MlflowClient(f"sqlite:///{store}")
        run_id = UploadState.load(alone / "run").run_id
        wait_until(lambda: client.get_run(run_id).info.status == "FAILED")
    capsys.readouterr()
    assert main(["runs", "--columns", "status", "--csv"]) == 0
    output, errors = capsys.readouterr()
    message = "nnexp: run: died; resume with: nnexp resume run\n"
    assert errors == message or (not everything and not errors)
    assert output.split() == ["status", "FAILED"]
    assert status_of(alone / "run") == "FAILED"


@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_ends_a_parallel_sweep_with_all_its_workers(number, group, alone):
    command = Command(alone, *ENDLESS, *PARALLEL, "seed=0,1,2")
    command.wait_for(lambda: all(epochs_of(alone / "sweep" / job) > 3 for job in "01"))
    command.interrupt(number, group)
    assert command.wait() == 128 + number
    assert command.workers() == []
    ended = [assert_ended_in_order(command, alone / "sweep" / job) for job in "012"]
    assert ended == ["KILLED", "KILLED", ""]


def test_workers_end_in_order_when_the_main_process_of_a_sweep_dies(alone):
    command = Command(alone, *ENDLESS, *PARALLEL, "seed=0,1,2")
    command.wait_for(lambda: all(epochs_of(alone / "sweep" / job) > 3 for job in "01"))
    command.interrupt(signal.SIGKILL)
    command.wait()
    wait_until(lambda: not command.workers())
    ended = [assert_ended_in_order(command, alone / "sweep" / job) for job in "012"]
    assert ended == ["KILLED", "KILLED", ""]


def test_workers_that_are_killed_cost_only_their_own_jobs(alone):
    command = Command(alone, *SMALL, *PARALLEL, "trainer.epochs=100000,100001,2")
    command.wait_for(lambda: all(epochs_of(alone / "sweep" / job) > 3 for job in "01"))
    for pid, number in zip(command.workers(), (signal.SIGKILL, signal.SIGTERM), strict=True):
        os.kill(pid, number)
    assert command.wait() == 1
    assert "Traceback" not in command.output
    statuses = [status_of(alone / "sweep" / job) for job in "012"]
    assert (sorted(statuses[:2]), statuses[2]) == (["FAILED", "KILLED"], "FINISHED")
    for name in ("SIGKILL", "SIGTERM"):
        assert f"failed: the process of the job was ended by {name}\n" in command.output
    assert command.workers() == []


def test_a_signal_ends_a_serial_sweep_and_not_one_job_of_it(alone):
    command = Command(alone, *ENDLESS, *SWEEP, "seed=0,1")
    command.wait_for(lambda: epochs_of(alone / "sweep" / "0") > 3)
    command.interrupt(signal.SIGTERM)
    assert command.wait() == 128 + signal.SIGTERM
    assert [assert_ended_in_order(command, alone / "sweep" / job) for job in "01"] == ["KILLED", ""]


def test_a_run_goes_on_when_its_output_cannot_be_written(alone):
    arguments = [*SMALL, "trainer.epochs=2", "tracking=none", "hydra.run.dir=run"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = Command(alone, *arguments, output=full)
        assert command.wait() == 0
    assert status_of(alone / "run") == "FINISHED"
    assert command.output == ""


FINITE = [*SMALL, "trainer.epochs=500", "diagnostics.histograms=false"]


def exit_codes(number):
    """Return the exit codes after a signal: as Python begins and ends, it has no handlers."""
    return 128 + number, -number


def resume(command, run, reference):
    """Resume a run until it is finished, in a process of its own; its results are those of the reference."""
    folder = str(run.relative_to(command.folder))
    again = Command(command.folder, "resume", folder)
    assert again.wait() == 0, again.output
    again.wait_for_processes()
    assert status_of(run) == "FINISHED"
    assert_same_results(run, reference)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_interrupted_at_a_random_moment_ends_in_order_and_resumes_to_the_same_bits(
    number, alone
):
    start = time.monotonic()
    reference = Command(alone / "reference", *FINITE, "tracking=none", "hydra.run.dir=run")
    assert reference.wait() == 0, reference.output
    seconds = time.monotonic() - start
    moments = random.Random(SEED)
    statuses = []
    for k in range(20):
        command = Command(alone / str(k), *FINITE, "tracking=none", "hydra.run.dir=run")
        time.sleep(moments.uniform(0.05, seconds))
        command.interrupt(number, group=number == signal.SIGINT)
        code = command.wait()
        statuses.append(assert_ended_in_order(command, alone / str(k) / "run"))
        assert code in exit_codes(number) or (code == 0 and statuses[-1] == "FINISHED"), command.output
        command.wait_for_processes()
        if statuses[-1] == "KILLED" and "resume" in COMMANDS:
            resume(command, alone / str(k) / "run", alone / "reference" / "run")
    print({status: statuses.count(status) for status in statuses})


@pytest.mark.long
@pytest.mark.parametrize(("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_sweep_that_is_interrupted_at_any_moment_leaves_no_orphan_and_no_open_run(number, group, alone):
    sweep = [*FINITE, *PARALLEL, "seed=0,1,2,3"]
    start = time.monotonic()
    reference = Command(alone / "reference", *sweep)
    assert reference.wait() == 0, reference.output
    seconds = time.monotonic() - start
    moments = random.Random(SEED)
    statuses = []
    for k in range(10):
        command = Command(alone / str(k), *sweep)
        time.sleep(moments.uniform(0.05, seconds))
        command.interrupt(number, group)
        code = command.wait()
        command.wait_for_processes()
        ended = [assert_ended_in_order(command, alone / str(k) / "sweep" / job) for job in "0123"]
        assert code in exit_codes(number) or (code == 0 and ended == ["FINISHED"] * 4), command.output
        statuses += ended
        for job, status in zip("0123", ended, strict=True):
            if status == "KILLED" and "resume" in COMMANDS:
                resume(command, alone / str(k) / "sweep" / job, alone / "reference" / "sweep" / job)
    print({status: statuses.count(status) for status in statuses})
