"""A database that is deleted, damaged or restored from a backup is rebuilt from the runs' folders."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.cli.commands.doctor import main as doctor
from nnexp.run_folder import JOURNAL
from nnexp.runs.query import RunError, Runs
from nnexp.tracking.mlflow.relocation import relocate
from nnexp.tracking.mlflow.sqlite.rebuilding import set_aside_if_damaged
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState

pytestmark = accepts_warnings
SNAPSHOT = """
import sys
from mlflow.tracking import MlflowClient

client = MlflowClient(sys.argv[1])
experiments = [experiment.experiment_id for experiment in client.search_experiments()]
for run in client.search_runs(experiments):
    print(run.info.run_id, run.info.status, run.info.artifact_uri)
    print(sorted(run.data.params.items()), sorted(run.data.metrics.items()), sorted(run.data.tags.items()))
    print([each.dataset.digest for each in run.inputs.dataset_inputs])
    print([output.model_id for output in run.outputs.model_outputs])
    print([sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, "val/loss"))])
for model in client.search_logged_models(experiments):
    print(model.model_id, model.name, sorted(model.params.items()), model.artifact_location, model.status)
for version in client.search_model_versions():
    print(version.name, version.version, version.run_id, version.source)
"""
DATABASE = Path("mlruns") / "mlflow.db"


@pytest.fixture
def copy(original, alone) -> Path:
    """A project with one run; returns its folder."""
    for name in ("mlruns", "outputs"):
        shutil.copytree(original / name, name)
    relocate(DATABASE.absolute())
    (journal,) = Path("outputs").rglob(JOURNAL)
    return journal.parent


def nnexp(*arguments, code=0):
    """Run nnexp in another process: MLflow keeps the database files of its process open."""
    return python("-m", "nnexp", *arguments, code=code)


def python(*arguments, code=0):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def snapshot():
    """All that the store says of its runs and models, and the paths of their files."""
    files = [path for path in Path("mlruns").rglob("*") if path.is_file() and path != DATABASE]
    return python("-c", SNAPSHOT, tracking_uri(None)), sorted(map(str, files))


def damage(how):
    if how == "deleted":
        DATABASE.unlink()
    elif how == "text":
        DATABASE.write_text("this is not a database, it is a sentence " * 200)
    elif how == "torn":
        DATABASE.write_bytes(DATABASE.read_bytes()[:50_000])
    elif how == "overwritten":
        content = bytearray(DATABASE.read_bytes())
        content[8192:200_000] = bytes(191_808)
        DATABASE.write_bytes(content)


@pytest.mark.parametrize("how", ["deleted", "torn"])
def test_a_rebuilt_store_has_the_same_runs_files_and_models(copy, how):
    before = snapshot()
    damage(how)
    assert ": uploaded" in nnexp("sync", *(["--rebuild"] if how == "torn" else []))
    aside = DATABASE.with_name("mlflow.db.damaged-1")
    assert aside.exists() == (how != "deleted")
    aside.unlink(missing_ok=True)
    assert snapshot() == before


def test_a_database_that_is_deleted_makes_its_runs_wait(copy, capsys):
    damage("deleted")
    assert doctor([]) == 1
    assert "1 not uploaded to MLflow" in capsys.readouterr().out


def test_a_damaged_database_is_explained_with_the_command_that_rebuilds_it(copy, capsys):
    damage("text")
    with pytest.raises(RunError, match="the database is damaged; fix: nnexp sync --rebuild"):
        Runs().select()
    assert doctor([]) == 1
    assert "fix: nnexp sync --rebuild\n" in capsys.readouterr().out


def test_a_run_that_an_older_backup_lacks_is_sent(copy, empty_store):
    shutil.copy(empty_store, DATABASE)
    assert "1 in their store" in nnexp("sync")
    assert ": uploaded" in nnexp("sync", "--rebuild")
    assert f"id          {UploadState.load(copy).run_id}" in nnexp("show", "last")


def test_where_the_store_is_missing_the_error_names_the_remedy(copy):
    DATABASE.unlink()
    assert "is missing; fix: nnexp sync --rebuild" in nnexp("runs", code=2)
    assert ": uploaded" in nnexp("sync", "--rebuild")
    assert UploadState.load(copy).run_id[:8] in nnexp("runs")


def test_a_run_that_was_deleted_in_mlflow_is_not_sent_again(copy):
    from mlflow.tracking import MlflowClient

    MlflowClient(tracking_uri(None)).delete_run(UploadState.load(copy).run_id)
    assert ": is there" in nnexp("sync", "--rebuild")
    assert "no runs here yet" in nnexp("show", "last", code=2)


def test_a_dry_run_changes_nothing(copy):
    damage("text")
    before = DATABASE.read_bytes()
    nnexp("sync", "--rebuild", "--dry-run")
    assert DATABASE.read_bytes() == before


@pytest.mark.parametrize("how", ["text", "torn", "overwritten"])
def test_a_damaged_database_is_set_aside(copy, how):
    damage(how)
    content = DATABASE.read_bytes()
    assert set_aside_if_damaged(DATABASE).read_bytes() == content
    assert not DATABASE.exists()
    damaged_again = DATABASE
    damaged_again.write_bytes(content)
    assert set_aside_if_damaged(damaged_again).name == "mlflow.db.damaged-2"


def test_a_sound_or_locked_database_is_not_set_aside(copy):
    assert set_aside_if_damaged(DATABASE) is None
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert set_aside_if_damaged(DATABASE) is None
    assert set_aside_if_damaged(Path("mlruns") / "missing.db") is None
