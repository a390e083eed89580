"""A store whose creation is interrupted at any moment is made anew by the next run; nothing is lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.cli.commands import runs, ui
from nnexp.cli.doctor.project import check_store
from nnexp.errors import UserError
from nnexp.tracking.mlflow.sqlite import creation
from nnexp.tracking.mlflow.sqlite.creation import create_store, has_store, is_half_made, wait_for_creation
from nnexp.tracking.mlflow.store import open_store, tracking_uri
from nnexp.tracking.mlflow.store_errors import StoreError

pytestmark = accepts_warnings
KILLED = """
import os, random, signal, sys
from pathlib import Path
from nnexp.tracking.mlflow.store import open_store, set_mlflow_defaults

set_mlflow_defaults()
import mlflow.tracking
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
count = int(sys.argv[1])
for i in range(count):
    own, former = (Path(f"{kind}-{i}").absolute() / "mlflow.db" for kind in ("own", "mlflow"))
    former.parent.mkdir()
    os.environ["NNEXP_CACHE"] = f"cache-{i}"  # where the template is killed too
    for path in (own, former):
        if not os.fork():
            signal.setitimer(signal.ITIMER_REAL, 0.05 + 0.9 * (i + random.random()) / count)
            if path == own:
                open_store(f"sqlite:///{path}", "nnexp")
            else:
                SqlAlchemyStore(f"sqlite:///{path}", "mlruns")
            os._exit(0)
    for path in (own, former):
        os.wait()
"""
HALF = {
    "empty": [],
    "first tables": ["CREATE TABLE runs (run_uuid)", "CREATE TABLE metrics (key)"],
    "no revision": ["CREATE TABLE runs (run_uuid)", "CREATE TABLE alembic_version (version_num)"],
    "amid a migration": [
        "CREATE TABLE runs (run_uuid)",
        "CREATE TABLE experiments (experiment_id)",
        "CREATE TABLE alembic_version (version_num)",
        "INSERT INTO alembic_version VALUES ('7ac759974ad8')",
        "CREATE TABLE _alembic_tmp_experiments (experiment_id)",
    ],
}


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(params=HALF)
def half_made(request, alone) -> Path:
    path = alone / "mlruns" / "mlflow.db"
    path.parent.mkdir()
    execute(path, *HALF[request.param])
    path.touch()
    os.utime(path, (0, 0))  # nothing is making it any more
    return path


@pytest.mark.parametrize("count", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_store_whose_creation_is_killed_at_any_moment_is_made_by_the_next_run(alone, count, monkeypatch):
    subprocess.run([sys.executable, "-c", KILLED, str(count)], cwd=alone, check=True)
    folders = [path for path in alone.iterdir() if path.name.startswith(("own", "mlflow"))]
    assert len(folders) == 2 * count
    for folder in folders:
        path = folder / "mlflow.db"
        monkeypatch.setenv("NNEXP_CACHE", f"cache-{folder.name.rpartition('-')[2]}")
        if folder.name.startswith("own"):
            assert not is_half_made(path)  # there is none, or a whole one
        elif path.exists():
            os.utime(path, (0, 0))
        client, experiment = open_store(f"sqlite:///{path}", "nnexp")
        client.create_run(experiment)
        assert {file.name for file in folder.iterdir()} <= {"mlflow.db", ".lock"}


def test_a_half_made_store_is_replaced_by_the_next_run(half_made):
    assert is_half_made(half_made)
    client, experiment = open_store(tracking_uri(None), "nnexp")
    client.create_run(experiment)
    assert has_store(half_made)
    assert not list(half_made.parent.glob(".mlflow.db*"))


def test_doctor_and_commands_report_a_half_made_store(half_made):
    before = half_made.read_bytes()
    (finding,) = check_store()
    assert (finding.state, finding.remedy) == ("note", "")
    assert "was interrupted, it holds nothing; the next run makes it anew" in finding.text
    with pytest.raises(UserError, match=r"no runs here yet: .*; make one with: nnexp data=digits"):
        runs.main([])
    with pytest.raises(UserError, match=r"no runs here yet: .*; fix: nnexp data=digits"):
        ui.main(["--no-browser"])
    assert half_made.read_bytes() == before


def test_what_holds_anything_is_never_taken_for_half_made(store, alone):
    assert has_store(store)
    foreign = alone / "foreign.db"
    execute(foreign, "CREATE TABLE birds (name)")
    assert not is_half_made(foreign)
    started = alone / "started.db"
    execute(started, *HALF["amid a migration"], "INSERT INTO runs VALUES ('a')")
    assert not is_half_made(started)
    execute(
        store,
        "DELETE FROM experiments",
        "DELETE FROM experiment_tags",
        "CREATE TABLE _alembic_tmp_experiments (name)",
    )
    assert is_half_made(store)
    execute(store, "INSERT INTO params (key, value, run_uuid) VALUES ('a', 'b', 'c')")
    assert not is_half_made(store)
    assert not is_half_made(alone)
    assert not is_half_made(alone / "missing.db")


def test_a_journal_without_its_database_is_not_applied_to_the_new_one(alone):
    database = alone / "mlflow.db"
    journal = alone / "mlflow.db-journal"
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(504))
    (alone / ".mlflow.db.abc.new").write_text("of a creation that was interrupted")
    create_store(database)
    assert {path.name for path in alone.glob("*mlflow.db*")} == {"mlflow.db"}
    assert has_store(database)


def test_a_store_that_another_process_has_made_meanwhile_is_kept(store, empty_store, tmp_path):
    new = shutil.copy(empty_store, tmp_path / "new.db")
    execute(store, "INSERT INTO params (key, value, run_uuid) VALUES ('a', 'b', 'c')")
    before = store.read_bytes()
    creation._rename(Path(new), store)
    assert store.read_bytes() == before


def test_tables_that_another_program_is_making_are_waited_for(half_made, monkeypatch):
    half_made.touch()

    def finish(seconds):
        execute(half_made, "CREATE TABLE IF NOT EXISTS params (key)", "INSERT INTO params VALUES ('a')")

    monkeypatch.setattr(creation.time, "sleep", finish)
    wait_for_creation(half_made)
    assert not is_half_made(half_made)


def test_a_full_disk_leaves_no_store_and_one_message(alone, monkeypatch):
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    def fail(self, uri, root):
        execute(uri.removeprefix("sqlite:///"), "CREATE TABLE runs (run_uuid)")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SqlAlchemyStore, "__init__", fail)
    with pytest.raises(StoreError, match=r"no space is left on its disk|disk is full"):
        open_store(tracking_uri(None), "nnexp")
    assert [path.name for path in (alone / "mlruns").iterdir()] in ([".lock"], [])
