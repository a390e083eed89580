"""Deletion of runs and sweeps: what goes, and what is refused."""

import os
import platform
import shutil
import sqlite3
from contextlib import closing

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.run_folder import JOURNAL, KIND_TAG, PARENT_SWEEP_TAG, SWEEP, SWEEP_ID_TAG, SWEEP_KIND
from nnexp.runs.query import RunError, Runs
from nnexp.tracking.journal import Journal, process_identity
from nnexp.tracking.mlflow.store import open_store, tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState

pytestmark = accepts_warnings
QUICK = ["data=digits", "trainer.epochs=1", "tracking=none"]


@pytest.fixture
def project(original, alone):
    """A copy of a project with an uploaded run, whose model is registered."""
    shutil.copytree(original, alone, dirs_exist_ok=True)
    return alone


@pytest.fixture
def stored(store):
    """Runs of a store, without folders: their ids by name."""
    client, experiment = open_store(tracking_uri(None), "nnexp")
    ids = {}
    for name, status in {"a": "FINISHED", "b": "FAILED", "c": "FAILED", "twin": "FINISHED"}.items():
        ids[name] = client.create_run(experiment, run_name=name).info.run_id
        client.set_terminated(ids[name], status)
    client.set_terminated(client.create_run(experiment, run_name="twin").info.run_id)
    return ids


def names():
    return sorted(each.name for each in Runs().select())


def journal_of(folder):
    """Begin the journal of a run that this process trains."""
    folder.mkdir(parents=True)
    with Journal(folder) as journal:
        journal.log_run(folder.name, {}, {}, None)
    return folder


def test_a_run_goes_with_its_folder_artifacts_model_and_registered_version(project, nnexp):
    refused = nnexp("delete", "last", "--yes")
    assert (refused.returncode, "digits version 1 would lose its files" in refused.stderr) == (2, True)
    assert names()
    done = nnexp("delete", "last", "--yes", "--registered")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("deleted 1 run\n")
    assert list(project.glob("outputs/runs/*")) == []
    assert [path for path in project.glob("mlruns/artifacts/**/*") if path.is_file()] == []
    with closing(sqlite3.connect(project / "mlruns" / "mlflow.db")) as connection:
        for table in ("runs", "metrics", "params", "tags", "logged_models"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert Runs().client.search_model_versions() == []
    assert nnexp("sync", "--rebuild").stdout.startswith("0 runs")


def test_a_filter_deletes_what_matches_and_nothing_else(stored, nnexp):
    assert nnexp("delete", "--filter", 'attributes.status = "FAILED"', "--yes").returncode == 0
    assert names() == ["a", "twin", "twin"]


def test_several_runs_are_deleted_at_once(stored, nnexp):
    assert "deleted 2 runs" in nnexp("delete", stored["a"], "b", stored["a"][:8], "--yes").stdout
    assert names() == ["c", "twin", "twin"]


def test_what_goes_is_shown_and_nothing_is_deleted_without_an_answer(stored, nnexp, monkeypatch):
    done = nnexp("delete", "a", "b")
    assert (done.returncode, "add --yes" in done.stderr) == (2, True)
    assert stored["a"][:8] in done.stdout
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in (("", 1), ("no", 1), ("y", 0)):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert nnexp("delete", "a").returncode == code
    assert "a" not in names()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a run, a sweep or --filter"),
        (["twin"], "2 runs have the name twin"),
        (["a", "nothing"], "no such run or sweep: nothing"),
        (["--filter", 'params.init = "nothing"'], "no run matches"),
        (["--sweep", "nothing"], "no such sweep: nothing"),
    ],
    ids=str,
)
def test_a_run_that_is_missing_or_ambiguous_deletes_nothing(arguments, message, stored, nnexp):
    done = nnexp("delete", *arguments, "--yes")
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert len(names()) == 5


def test_a_run_that_is_training_is_refused(alone, nnexp):
    folder = journal_of(alone / "outputs" / "runs" / "2026-11-26" / "running")
    done = nnexp("delete", str(folder), "--yes")
    assert (done.returncode, "1 run is still running: running; nothing was deleted" in done.stderr) == (
        2,
        True,
    )
    assert (folder / JOURNAL).exists()


def test_a_run_whose_process_has_died_is_deleted(alone, nnexp, monkeypatch):
    dead = {"host": platform.node(), "pid": os.getpid(), "began": "0"}
    monkeypatch.setattr("nnexp.tracking.journal.process_identity", lambda pid: dead)
    folder = journal_of(alone / "outputs" / "runs" / "2026-11-26" / "dead")
    monkeypatch.setattr("nnexp.tracking.journal.process_identity", process_identity)
    assert nnexp("delete", str(folder), "--yes").returncode == 0
    assert not folder.exists()


def test_a_folder_that_may_hold_other_files_is_left_alone(alone, nnexp):
    (alone / "thesis.tex").write_text("text")
    with Journal(alone) as journal:
        journal.log_run("thesis", {}, {}, None)
        journal.end("FINISHED")
    done = nnexp("delete", str(alone), "--yes")
    assert (done.returncode, "may hold files of your own" in done.stderr) == (2, True)
    assert (alone / "thesis.tex").exists()


def test_a_sweep_goes_with_all_its_runs_and_its_folder(alone, nnexp):
    assert nnexp("-m", "seed=0,1", *QUICK, "sweep.report=false").returncode == 0
    (folder,) = alone.glob("outputs/sweeps/*/*")
    (folder / "report.html").write_text("")
    assert "deleted 1 run" in nnexp("delete", str(folder / "0"), "--yes").stdout
    assert (folder / "1").exists()
    done = nnexp("delete", "--sweep", "last", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 run, 1 sweep" in done.stdout
    assert not folder.exists()


def test_a_sweep_of_which_only_the_store_knows_goes_with_its_parent_run(stored, nnexp):
    client, experiment = open_store(tracking_uri(None), "nnexp")
    sweep = "2026-11-26/15-30-00-ab12cd34"
    parent = client.create_run(
        experiment, run_name="seed", tags={KIND_TAG: SWEEP_KIND, PARENT_SWEEP_TAG: sweep}
    )
    for name in ("s0", "s1"):
        run_id = client.create_run(experiment, run_name=name, tags={SWEEP_ID_TAG: sweep}).info.run_id
        client.set_terminated(run_id)
    refused = nnexp("delete", sweep, "--yes")
    assert (refused.returncode, "1 run is still running: seed" in refused.stderr) == (2, True)
    client.set_terminated(parent.info.run_id)
    assert "3 runs: paper=1" in nnexp("tag", sweep, "paper=1").stdout
    assert {run.name for run in Runs().select("tags.paper = '1'", kind="all")} == {"seed", "s0", "s1"}
    assert "deleted 2 runs, 1 sweep" in nnexp("delete", parent.info.run_id, "--yes").stdout
    assert sorted(run.name for run in Runs().select(kind="all")) == ["a", "b", "c", "twin", "twin"]


def test_a_run_that_is_being_uploaded_waits_then_is_refused(project, nnexp, monkeypatch):
    from nnexp.tracking.run_lock import run_lock

    monkeypatch.setattr("nnexp.runs.housekeeping.deletion.UPLOAD_TIMEOUT", 0.0)
    (folder,) = project.glob("outputs/runs/*/*")
    with run_lock(folder):
        done = nnexp("delete", str(folder), "--yes", "--registered")
    assert (done.returncode, "is being uploaded at this moment" in done.stderr) == (2, True)
    assert UploadState.load(folder).run_id in {each.id for each in Runs().select()}


def test_a_store_that_keeps_deleted_runs_is_named(stored, nnexp, monkeypatch):
    monkeypatch.setattr("nnexp.runs.housekeeping.deletion.PURGE", ("no_such_method",))
    done = nnexp("delete", "a", "--yes")
    assert "until `mlflow gc` is run there" in done.stdout
    with pytest.raises(RunError):
        Runs().find("a")


def test_a_sweep_whose_name_others_have_is_deleted_by_its_id_only(alone, nnexp):
    for sweep in ("12-00-00-aa11aa11", "13-00-00-bb22bb22"):
        folder = alone / "outputs" / "sweeps" / "2026-11-26" / sweep
        folder.mkdir(parents=True)
        (folder / SWEEP).write_text('{"name": "seed"}')
    for arguments in (["seed"], ["--sweep", "seed"]):
        done = nnexp("delete", *arguments, "--yes")
        assert (done.returncode, "2 sweeps have the name seed: 2026-11-26/12-00-00" in done.stderr) == (
            2,
            True,
        )
    assert nnexp("delete", "bb22", "--yes").returncode == 0
    assert [path.name for path in alone.glob("outputs/sweeps/*/*")] == ["12-00-00-aa11aa11"]


def test_outputs_may_be_a_symbolic_link(alone, tmp_path_factory, nnexp):
    disk = tmp_path_factory.mktemp("disk")
    (alone / "outputs").symlink_to(disk)
    folder = alone / "outputs" / "runs" / "2026-11-26" / "linked"
    folder.mkdir(parents=True)
    with Journal(folder) as journal:
        journal.log_run("linked", {}, {}, None)
        journal.end("FINISHED")
    assert nnexp("delete", str(folder), "--yes").returncode == 0
    assert [path.name for path in disk.rglob("linked")] == []
