"""A new store is a copy of a template in the user's cache, where there is one that is whole and fits."""

import os
import sqlite3
from contextlib import closing

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.tracking.mlflow.sqlite import creation, template
from nnexp.tracking.mlflow.sqlite.creation import create_store, has_store
from nnexp.tracking.mlflow.sqlite.template import keep_template, read_template, template_files
from nnexp.tracking.mlflow.store import open_store

pytestmark = accepts_warnings


@pytest.fixture
def own_cache(alone, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("NNEXP_CACHE", str(alone / "cache"))
    return alone / "cache" / "mlflow"


@pytest.fixture(scope="module")
def new_store(tmp_path_factory):
    """A database that was just made."""
    path = tmp_path_factory.mktemp("new") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNEXP_CACHE", str(path.with_name("cache")))
        create_store(path)
    return path


@pytest.fixture
def kept(own_cache, new_store):
    """The template, of that database."""
    keep_template(new_store)
    (path,) = template_files()
    return path


def rows(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def migrations(monkeypatch):
    """The databases that MLflow makes tables in."""
    from mlflow.store.db import utils

    made = []
    initialize = utils._initialize_tables
    monkeypatch.setattr(utils, "_initialize_tables", lambda engine: (made.append(engine), initialize(engine)))
    return made


def test_the_first_store_of_a_machine_leaves_a_template_for_the_others(alone, own_cache, migrations):
    for name in ("one", "two"):
        (alone / name).mkdir()
        create_store(alone / name / "mlflow.db")
    assert len(migrations) == 1
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    one, two = (alone / name / "mlflow.db" for name in ("one", "two"))
    assert rows(one, tables) == rows(two, tables)
    assert has_store(two)
    assert not rows(two, "PRAGMA foreign_key_check")


def test_a_store_from_the_template_names_no_other_folder(alone, kept, migrations):
    (alone / "project").mkdir()
    client, experiment = open_store(f"sqlite:///{alone / 'project' / 'mlflow.db'}", "nnexp")
    client.create_run(experiment)
    assert not migrations
    assert {run.name for run in client.search_experiments()} == {"Default", "nnexp"}
    assert client.get_experiment("0").artifact_location == str(alone / "mlruns" / "0")


@pytest.mark.parametrize("damage", ["half", "changed", "empty", "other version", "folder"])
def test_a_template_that_is_damaged_or_of_another_version_is_not_used(kept, damage):
    content = kept.read_bytes()
    kept.unlink()
    match damage:
        case "half":
            kept.write_bytes(content[: len(content) // 2])
        case "changed":
            kept.write_bytes(content[:5000] + b"?" + content[5001:])
        case "empty":
            kept.touch()
        case "other version":
            kept.with_name(f"1.0-{kept.stem.rpartition('-')[2]}.db").write_bytes(content)
        case "folder":
            kept.mkdir()
    assert read_template() is None


def test_a_damaged_template_is_replaced_with_the_next_store(alone, kept, migrations):
    content = kept.read_bytes()
    kept.write_bytes(content[:-1])
    create_store(alone / "mlflow.db")
    assert has_store(alone / "mlflow.db")
    assert len(migrations) == 1
    assert read_template() is not None
    assert len(list(template_files())) == 1


def test_a_template_that_mlflow_refuses_is_made_anew(alone, kept, migrations):
    with closing(sqlite3.connect(kept)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of a later version'")
    content = kept.read_bytes()
    kept.rename(kept.with_name(f"{template.prefix()}{template.digest(content)}.db"))
    assert read_template() == content
    create_store(alone / "mlflow.db")
    assert len(migrations) == 1
    assert has_store(alone / "mlflow.db")
    assert read_template() not in (None, content)
    assert [path.name for path in alone.glob("*mlflow.db*")] == ["mlflow.db"]


@pytest.mark.parametrize("home", ["read-only", "none"])
def test_without_a_cache_that_can_be_written_a_store_is_made_all_the_same(alone, monkeypatch, home):
    if home == "none":
        monkeypatch.setattr(template, "user_cache", lambda: None)
    else:
        (alone / "file").touch()
        monkeypatch.setenv("NNEXP_CACHE", str(alone / "file" / "cache"))
    create_store(alone / "mlflow.db")
    assert has_store(alone / "mlflow.db")
    assert read_template() is None


def test_a_full_disk_while_the_template_is_kept_costs_no_store(alone, own_cache, monkeypatch):
    def fail(*arguments):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(template, "write_atomically", fail)
    create_store(alone / "mlflow.db")
    assert has_store(alone / "mlflow.db")
    assert read_template() is None


def test_a_template_holds_no_experiment_and_no_run(kept):
    assert creation.is_half_made(kept)
    assert not rows(kept, "SELECT * FROM experiments")
