"""Rebuilding of an SQLite store: sets a damaged database aside, gives runs and models their former ids."""

import sqlite3
from contextlib import closing
from pathlib import Path

IDS = (  # tables and columns that hold the id of a run or model that was just made
    ("runs", "run_uuid"),
    ("tags", "run_uuid"),
    ("logged_models", "model_id"),
    ("logged_model_params", "model_id"),
    ("logged_model_tags", "model_id"),
)
LOCATIONS = (("runs", "artifact_uri"), ("logged_models", "artifact_location"))
COMPANIONS = ("", "-journal", "-wal", "-shm")  # files of one database


def set_aside_if_damaged(database: Path) -> Path | None:
    """Rename a database that SQLite cannot read; returns its new path, None where it is sound or missing."""
    if not database.is_file() or not find_damage(database):
        return None
    number = 1
    while (aside := database.with_name(f"{database.name}.damaged-{number}")).exists():
        number += 1
    for suffix in COMPANIONS:
        file = database.with_name(database.name + suffix)
        if file.exists():
            file.rename(f"{aside}{suffix}")
    return aside


def find_damage(database: Path) -> str:
    """Return what is wrong with a database, or an empty text."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked, or of another user: not damaged
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if state == "ok" else str(state)


def restore_id(database: Path, made: str, former: str) -> bool:
    """Give a run or model that was just made its former id, so that its artifacts and references hold.

    Returns whether that was possible: another one may have it.
    """
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            for table, column in IDS:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (former, made))  # noqa: S608
            for table, column in LOCATIONS:
                query = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608
                connection.execute(f"{query} WHERE instr({column}, ?)", (made, former, made))
    except sqlite3.Error:
        return False
    return True
