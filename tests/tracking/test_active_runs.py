import json
import os
import platform
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from fixtures.sweeps import TRACKED, planned, record_job, record_sweep

from nnexp.__main__ import main
from nnexp.errors import Interrupted
from nnexp.run_folder import RunFolder
from nnexp.sweeps.parent_run import parent_run
from nnexp.tracking.active_runs import (
    ACTIVE,
    ACTIVE_WITHIN,
    active,
    add_entry,
    close_dead_runs,
    entry_of,
    remove_entry,
)
from nnexp.tracking.journal import Journal, close, process_identity
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.run_lock import run_lock


def begin_run(folder, writer=None, destination=None):
    """Make the journal of a run that has no end; its process is this one, or has that identity."""
    folder.mkdir(parents=True)
    with Journal(folder) as journal:
        journal.log_run("name", {"seed": "0"}, {}, destination)
        journal.log_metrics(1, {"train/loss": 0.5})
    if writer is not None:
        first, *rest = (folder / "journal.jsonl").read_text().splitlines()
        lines = [json.dumps(json.loads(first) | {"writer": writer}), *rest, '{"kind": "metr']
        (folder / "journal.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = process_identity(process.pid)
    process.stdin.close()
    process.wait()
    return identity


def test_a_run_is_listed_while_it_is_active_and_nothing_is_left_afterwards(alone):
    folder = begin_run(alone / "runs" / "a")
    with active(folder, alone):
        (entry,) = (alone / ACTIVE).iterdir()
        assert entry.read_text() == os.path.join("runs", "a")
        assert close_dead_runs(alone) == ([], [])
        assert entry.exists()
    assert not (alone / "outputs").exists()


def test_a_run_whose_process_died_is_failed_and_reported_once_by_the_next_command(alone, dead, capsys):
    folder = begin_run(alone / "outputs" / "runs" / "a b", dead)
    add_entry(folder, alone)
    assert main(["show", str(folder)]) == 0
    output, errors = capsys.readouterr()
    assert "nnexp: 'outputs/runs/a b': died; resume with: nnexp resume 'outputs/runs/a b'" in errors
    assert "FAILED" in output
    entries = RunFolder(folder).entries()
    assert [entry["kind"] for entry in entries] == ["run", "metrics", "end"]
    assert entries[-1]["status"] == "FAILED"
    assert main(["show", str(folder)]) == 0
    assert capsys.readouterr().err == ""


def test_a_process_that_nothing_waits_for_is_dead(alone):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder = begin_run(alone / "a", process_identity(process.pid))
    add_entry(folder, alone)
    assert close_dead_runs(alone) == ([], [])
    process.kill()
    while process_identity(process.pid)["began"]:
        time.sleep(0.01)
    assert close_dead_runs(alone) == ([folder], [])
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize(("age", "is_dead"), [(0, False), (ACTIVE_WITHIN + 1, True)])
def test_a_run_of_another_machine_is_dead_when_it_has_no_heartbeat(age, is_dead, alone, dead):
    folder = begin_run(alone / "a", dead | {"host": f"not-{platform.node()}"})
    add_entry(folder, alone)
    os.utime(folder / "journal.jsonl", (time.time() - age,) * 2)
    assert close_dead_runs(alone) == ([folder] if is_dead else [], [])


def test_the_heartbeat_of_a_run_is_the_time_of_its_journal(alone, monkeypatch):
    monkeypatch.setattr("nnexp.tracking.active_runs.HEARTBEAT", 0.01)
    folder = begin_run(alone / "a")
    os.utime(folder / "journal.jsonl", (0, 0))
    with active(folder, alone):
        deadline = time.monotonic() + 60
        while (folder / "journal.jsonl").stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def unsent(alone, dead, monkeypatch):
    """The folder of an interrupted run whose upload was killed too, and the uploads that commands start."""
    started = []
    monkeypatch.setattr("nnexp.cli.dead_runs.upload_in_background", started.append)
    folder = begin_run(alone / "a", dead, {"uri": None, "experiment": "nnexp", "folder": str(alone)})
    with suppress(Interrupted), active(folder, alone):
        close(folder, "KILLED")
        raise Interrupted(signal.SIGTERM)
    (folder / "journal.jsonl").write_text((folder / "journal.jsonl").read_text().replace("died", "other"))
    return folder, started


def test_the_next_command_uploads_an_interrupted_run_whose_upload_died_too(unsent):
    folder, started = unsent
    with run_lock(folder):  # its upload goes on
        assert main(["doctor"]) in (0, 1)
    assert started == []
    assert main(["doctor"]) in (0, 1)
    assert main(["doctor"]) in (0, 1)
    assert started == [[folder]]
    assert RunFolder(folder).entries()[-1]["status"] == "KILLED"


def test_it_is_uploaded_again_after_a_minute_until_its_store_has_it(unsent, alone, monkeypatch):
    folder, started = unsent
    assert close_dead_runs(alone) == ([], [folder])
    monkeypatch.setattr("nnexp.tracking.active_runs.RETRY_AFTER", 0.0)
    assert main(["runs"]) in (0, 2)
    assert started == [[folder]]
    UploadState(store="sqlite:///mlruns/mlflow.db", run_id="1", done=True).save(folder)
    assert close_dead_runs(alone) == ([], [])
    assert started == [[folder]]
    assert not (alone / ACTIVE).exists()


def test_entries_of_runs_that_were_removed_are_removed(alone):
    add_entry(alone / "gone", alone)
    assert close_dead_runs(alone) == ([], [])
    assert not (alone / "outputs").exists()


def test_a_project_that_cannot_be_written_to_has_no_list(alone):
    (alone / "outputs").write_text("a file in the folder's place")
    folder = begin_run(alone / "a")
    with active(folder, alone):
        pass
    assert (alone / "outputs").read_text() == "a file in the folder's place"


def test_a_dead_sweep_is_reported_once_with_the_command_that_goes_on_and_not_its_jobs(alone, dead, capsys):
    plan = planned(alone)
    record_sweep(plan, alone, [0, 1])
    for folder in (plan.folder, plan.job_folder(0), plan.job_folder(1)):
        first, *rest, _ = (folder / "journal.jsonl").read_text().splitlines()
        lines = [json.dumps(json.loads(first) | {"writer": dead}), *rest]
        (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
        add_entry(folder, alone)
    assert main(["resume", "no"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "died" in line]
    sweep = plan.folder.relative_to(alone)
    assert lines == [f"nnexp: {sweep}: the sweep died; go on with: nnexp -m sweep.resume={sweep}"]
    for folder in (plan.folder, plan.job_folder(0)):
        assert RunFolder(folder).entries()[-1]["status"] == "FAILED"
    assert main(["resume", "no"]) == 2
    assert "died" not in capsys.readouterr().err


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_dead_job_of_a_sweep_that_goes_on_or_has_ended_in_order_is_left_to_the_sweep(
    has_ended, alone, dead, capsys, no_upload
):
    plan = planned(alone)
    with parent_run(plan, TRACKED, {}, alone):
        folder = record_job(plan, 0, alone, status=None)
        first, *rest = (folder / "journal.jsonl").read_text().splitlines()
        lines = [json.dumps(json.loads(first) | {"writer": dead}), *rest]
        (folder / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines))
        add_entry(folder, alone)
        if not has_ended:
            assert main(["resume", "no"]) == 2
    assert main(["resume", "no"]) == 2
    assert "died" not in capsys.readouterr().err


def test_a_run_whose_upload_goes_on_stays_listed_until_that_is_over(alone):
    folder = begin_run(alone / "run")
    with active(folder, alone, until_uploaded=True):
        pass
    assert list((alone / ACTIVE).iterdir()) == [entry_of(folder, alone)]
    remove_entry(entry_of(folder, alone))
    assert not (alone / ACTIVE).exists()
