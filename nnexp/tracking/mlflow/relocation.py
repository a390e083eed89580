"""Relocation of an SQLite store, in which MLflow records absolute paths of artifacts.

The artifacts of an experiment lie in artifacts/<name> beside the database. Where its rows say otherwise, the
database was moved or copied since: a copy must not write into the original, a moved one not make its former
folder again.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlparse

ARTIFACTS = "artifacts"
LOCATIONS = (  # tables and columns that hold locations of artifacts
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(database: Path) -> list[Path]:
    """Record where the artifacts of a moved or copied database lie now, in one transaction.

    Returns:
        The former folders of a database that cannot be written, for `relocated`; else none.
    """
    folder = database.parent.resolve()
    former: list[Path] = []
    with suppress(sqlite3.Error):
        former = former_folders(database)
    if not former:
        return []
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            for table, column, row, uri in list(_locations(connection)):
                new = relocated(uri, former, folder, keep_existing=table != "experiments")
                if new != uri:
                    connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))  # noqa: S608
    except sqlite3.OperationalError:  # it is read-only
        return former
    return []


def former_folders(database: Path) -> list[Path]:
    """Return the folders that a database lay in when its experiments were made, except the present one.

    An experiment whose artifacts lie elsewhere on purpose does not count: there is no database beside them.
    """
    folder = database.parent.resolve()
    uri = f"{(folder / database.name).as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        rows = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    former: list[Path] = []
    for (location,) in rows:
        path = local_path(location)
        if path is None or path.parent.name != ARTIFACTS or path.parent.parent in (folder, *former):
            continue
        old = path.parent.parent
        other = old / database.name
        is_same = other.is_file() and other.samefile(database)  # by another path: a link, a mount
        came_along = (folder / ARTIFACTS / path.name).is_dir()
        if not is_same and (came_along or other.is_file() or not old.is_dir()):
            former.append(old)
    return former


def relocated(uri: str, former: list[Path], folder: Path, keep_existing: bool = True) -> str:
    """Return the location of artifacts after a move from one of the former folders to `folder`.

    With `keep_existing`, artifacts that did not come along are read where they are.
    """
    path = local_path(uri)
    for old in former:
        if path is not None and path.is_relative_to(old):
            new = folder / path.relative_to(old)
            if keep_existing and path.exists() and not new.exists():
                return uri
            return new.as_uri() if uri.startswith("file:") else str(new)
    return uri


def local_path(uri: str | None) -> Path | None:
    """Return the path of a local URI, with or without its scheme; None: it is not a file's."""
    from urllib.request import url2pathname  # with a client of HTTP

    url = urlparse(uri or "")
    return Path(url2pathname(url.path)) if url.path and url.scheme in ("", "file") else None


def _locations(connection: sqlite3.Connection) -> Iterator[tuple[str, str, int, str]]:
    """Yield table, column, row and value of every location."""
    for table, column in LOCATIONS:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if column in columns:
            query = f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
            yield from ((table, column, row, uri) for row, uri in connection.execute(query))
