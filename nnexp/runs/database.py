"""Runs of an SQLite store, read by SQL: importing MLflow takes a second, and it milliseconds for each run."""

import math
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nnexp.run_folder import CHANGED_TAG, KIND_TAG, METRICS_TAG, is_parent
from nnexp.runs.backends import RunError
from nnexp.runs.pages import Kind, StoredFields
from nnexp.tracking.mlflow.sqlite.creation import has_store
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.mlflow.store_errors import explain_error

KEPT_TAGS = (KIND_TAG, METRICS_TAG)  # that are read with any columns
PER_QUERY = 500  # ids


def is_mlflow_database(path: Path) -> bool:
    """Return whether a file is a whole SQLite database of MLflow's, without creating it."""
    if not has_store(path):
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            query = "SELECT 1 FROM sqlite_master WHERE name = 'runs'"
            return connection.execute(query).fetchone() is not None
    except sqlite3.Error as error:
        raise RunError(explain_error(f"{SQLITE}{path}", error)) from error


@dataclass(frozen=True)
class Selection:
    """Which runs are read: of a kind, finished ones or all, with the highest `metric` or the newest first."""

    kind: Kind = "runs"
    finished: bool = False
    metric: str = ""
    top: int | None = None
    ids: Collection[str] = ()  # none: of any
    columns: Collection[str] | None = None  # the params, tags and metrics that are read; None: all


def read_experiments(database: Path) -> dict[str, str]:
    """Return the names of the experiments that are not deleted, by id.

    Raises:
        sqlite3.Error: the database is locked, or has a schema that the installed MLflow does not know.
    """
    with closing(_connect(database)) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if not is_known(version):
            raise sqlite3.NotSupportedError(f"schema {version}")
        query = "SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'active'"
        return {str(key): str(name) for key, name in connection.execute(query)}


def is_known(version: str) -> bool:
    """Return whether the installed MLflow has a migration of that version; it is not imported."""
    package = find_spec("mlflow")
    folders = package.submodule_search_locations if package is not None else None
    migrations = [Path(folder, "store", "db_migrations", "versions") for folder in folders or ()]
    return any(True for folder in migrations for _ in folder.glob(f"{version}_*.py"))


def read_runs(database: Path, experiments: Collection[str], selection: Selection) -> list[StoredFields]:
    """Read the runs of some experiments, in the order that MLflow gives them.

    Raises:
        sqlite3.Error: the database is locked, or has other tables than MLflow's.
    """
    with closing(_connect(database)) as connection:
        runs = list(_select(connection, experiments, selection))
        fill_in(connection, runs, selection.columns)
    return runs


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)


def _select(
    connection: sqlite3.Connection, experiments: Collection[str], selection: Selection
) -> Iterator[StoredFields]:
    """Yield the runs without their params, tags and metrics."""
    marks = ",".join("?" * len(experiments))
    where = f"lifecycle_stage = 'active' AND experiment_id IN ({marks})"
    where += " AND status = 'FINISHED'" if selection.finished else ""
    where += f" AND runs.run_uuid IN ({','.join('?' * len(selection.ids))})" if selection.ids else ""
    columns = "runs.run_uuid, name, experiment_id, status, start_time, end_time, artifact_uri"
    query = f"""
        SELECT {columns}, kind.value FROM runs
        LEFT JOIN tags AS kind ON kind.run_uuid = runs.run_uuid AND kind.key = ?
        LEFT JOIN latest_metrics AS score ON score.run_uuid = runs.run_uuid AND score.key = ?
        WHERE {where}
        ORDER BY score.value IS NULL OR score.is_nan, score.value DESC, start_time DESC, runs.run_uuid
    """  # noqa: S608, nothing in it but names of columns
    values = (KIND_TAG, selection.metric, *experiments, *selection.ids)
    count = 0
    for *fields, kind in connection.execute(query, values):
        if selection.kind == "all" or is_parent({"tags": {KIND_TAG: kind}}) == (selection.kind == "sweeps"):
            run_id, name, experiment_id, *others = fields
            yield StoredFields(run_id, name or "", str(experiment_id), *others)
            count += 1
            if count == selection.top:
                return


def fill_in(
    connection: sqlite3.Connection, runs: Sequence[StoredFields], columns: Collection[str] | None
) -> None:
    """Read the params, tags and metrics of runs: all, or those of some names."""
    by_id = {run.id: run for run in runs}
    wanted = [] if columns is None else [*columns, *(f"{CHANGED_TAG}{name}" for name in columns), *KEPT_TAGS]
    where = "" if columns is None else f"key IN ({','.join('?' * len(wanted))})"
    few = list(by_id) if len(by_id) <= PER_QUERY else []
    if few:
        where += (" AND " if where else "") + f"run_uuid IN ({','.join('?' * len(few))})"
    tables: Mapping[str, str] = {"params": "value", "tags": "value", "latest_metrics": "value, is_nan"}
    for table, values in tables.items():
        query = f"SELECT run_uuid, key, {values} FROM {table}" + (f" WHERE {where}" if where else "")  # noqa: S608
        for run_id, key, value, *is_nan in connection.execute(query, [*wanted, *few]):
            if (run := by_id.get(run_id)) is None:
                continue
            if is_nan:
                run.metrics[key] = math.nan if is_nan[0] else value
            else:
                (run.params if table == "params" else run.tags)[key] = value
