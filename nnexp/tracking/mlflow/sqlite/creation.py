"""Creation of an SQLite store: in a temporary file beside it, which gets its name when it is whole.

MLflow makes some fifty tables in hundreds of statements, each for itself: a process that is killed among them
leaves a database that no version of MLflow can open.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from nnexp.atomic_write import MODE
from nnexp.tracking.mlflow.sqlite.rebuilding import COMPANIONS
from nnexp.tracking.mlflow.sqlite.template import keep_template, read_template

SUFFIX = ".new"
KEPT_TABLES = ("alembic_version", "workspaces")  # MLflow fills them itself
QUIET_FOR, PATIENCE = 3.0, 60.0  # seconds without a change, after which no process is making the tables


def has_store(database: Path) -> bool:
    """Return whether a file is a database that MLflow's tables were made in, to the last one."""
    return database.is_file() and not is_half_made(database)


def is_half_made(database: Path) -> bool:
    """Return whether a database is one that MLflow was making when it was interrupted: it holds nothing.

    The last thing that MLflow makes is an experiment, "Default": a whole store always has that row.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            tables = {name for (name,) in rows if not name.startswith("sqlite_")}
            is_of_mlflow = not tables or bool(tables & {"alembic_version", "experiments", "runs", "metrics"})
            return is_of_mlflow and not any(
                connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()  # noqa: S608
                for name in sorted(tables.difference(KEPT_TABLES), key=lambda name: name != "experiments")
            )
    except (OSError, sqlite3.Error):  # missing, no database, damaged, locked: another matter
        return False


def create_store(database: Path) -> None:
    """Make MLflow's tables in a new database, which takes the place of none or of a half-made one.

    The store's lock is held; files that an interrupted creation has left are removed. A copy of the template
    has its tables already; where MLflow does not accept it, they are made from nothing.

    Raises:
        OSError, sqlalchemy.exc.SQLAlchemyError: it cannot be written, a full disk for example.
    """
    for stale in database.parent.glob(f".{database.name}.*{SUFFIX}*"):
        stale.unlink(missing_ok=True)
    if template := read_template():
        with suppress(Exception):
            return _create_from(template, database)
    return _create_from(b"", database)


def _create_from(template: bytes, database: Path) -> None:
    """Make a new database from a template, or from nothing, which then becomes the template."""
    descriptor, name = tempfile.mkstemp(SUFFIX, f".{database.name}.", database.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(template)
        temporary.chmod(MODE)
        _make_tables(temporary)
        if not template:
            keep_template(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file)
        for suffix in COMPANIONS:  # the database first: its journal without it is never applied
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        _rename(temporary, database)
    finally:
        for suffix in COMPANIONS:
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)


def _make_tables(database: Path) -> None:
    """Let MLflow check a database and make what it lacks: its tables, the experiment "Default"."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with _unsynchronized():
        arguments = (f"sqlite:///{database}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
        store = SqlAlchemyStore(*arguments)  # type: ignore[no-untyped-call]
        store.engine.dispose()


@contextmanager
def _unsynchronized() -> Iterator[None]:
    """Let SQLite not wait for the disk in the block: what is not whole is thrown away."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def configure(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", configure)
    try:
        yield
    finally:
        event.remove(Engine, "connect", configure)


def wait_for_creation(database: Path) -> None:
    """Wait while another program, which knows no lock of ours, is making the tables of a database."""
    end = time.monotonic() + PATIENCE
    while is_half_made(database) and time.monotonic() < end:
        age = time.time() - max(file.stat().st_mtime for file in database.parent.glob(f"{database.name}*"))
        if not 0 <= age < QUIET_FOR:
            return
        time.sleep(0.1)


def _rename(temporary: Path, database: Path) -> None:
    """Give a file its name, unless there is one: where locks do not work, another process may be first."""
    try:
        os.link(temporary, database)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        with suppress(FileExistsError):
            os.rename(temporary, database)
