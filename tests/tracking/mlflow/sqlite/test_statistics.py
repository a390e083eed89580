"""Statistics of a store let SQLite search many runs in linear time."""

import sqlite3
from contextlib import closing

import pytest

from nnexp.tracking.mlflow.sqlite.statistics import update_statistics

JOINED = (
    "SELECT * FROM runs LEFT JOIN (SELECT run_uuid FROM latest_metrics WHERE key = 'a') AS m USING (run_uuid)"
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("runs", "params", "tags"):
            connection.execute(f"CREATE TABLE {table} (run_uuid TEXT PRIMARY KEY)")
        columns = "key TEXT, run_uuid TEXT, PRIMARY KEY (key, run_uuid)"
        connection.execute(f"CREATE TABLE latest_metrics ({columns})")
        names = [(f"{i:032}",) for i in range(2000)]
        connection.executemany("INSERT INTO runs VALUES (?)", names)
        rows = [(key, *name) for name in names for key in "abcde"]
        connection.executemany("INSERT INTO latest_metrics VALUES (?, ?)", rows)
    return path


def steps(path):
    """Return how often SQLite's virtual machine called back, each 1,000 instructions."""
    calls = []
    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(lambda: calls.append(1) and None, 1000)
        connection.execute(f"SELECT count(*) FROM ({JOINED} ORDER BY m.run_uuid)").fetchone()
    return len(calls)


def test_tables_are_counted(database):
    update_statistics(database)
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT tbl FROM sqlite_stat1")}
    assert {"runs", "latest_metrics"} <= tables
    assert steps(database) < 200


def test_a_database_that_is_locked_or_no_store_stays_as_it_is(database, tmp_path, monkeypatch):
    monkeypatch.setattr("nnexp.tracking.mlflow.sqlite.statistics.TIMEOUT", 0.01)
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        update_statistics(database)
    with closing(sqlite3.connect(database)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone()
    empty = tmp_path / "empty.db"
    empty.touch()
    update_statistics(empty)
