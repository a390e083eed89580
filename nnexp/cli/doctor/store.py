"""Is the MLflow store that runs here go to well? Looked at without making or changing anything."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from nnexp.cli.doctor.finding import Finding
from nnexp.cli.doctor.mlflow_schema import tables
from nnexp.cli.doctor.servers import database, server
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, StoreError, address
from nnexp.tracking.mlflow.uris import fault, kind


def store() -> Iterator[Finding]:
    """The one that runs here go to."""
    try:
        uri = address(None)
    except StoreError as error:
        yield Finding("store", "problem", str(error))
        return
    what, _ = fault(uri)
    if what:
        yield Finding(
            "store",
            "problem",
            what,
            f"unset MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_URI={SQLITE}{Path.cwd() / DATABASE}",
        )
    elif (found := kind(uri)) == "sqlite":
        yield from sqlite(Path(uri.removeprefix(SQLITE)))
    elif found == "server":
        yield from server(uri.rstrip("/"))
    elif found == "database":
        yield from database(uri)
    elif found == "files":
        yield Finding(
            "store",
            "note",
            f"{uri} is a folder of files, which MLflow takes with MLFLOW_ALLOW_FILE_STORE=true only",
        )
    else:
        yield Finding("store", "note", f"{redacted(uri)}: of a kind that is not examined here")


def leftovers() -> Iterator[Finding]:
    """The trap that MLflow itself falls into: an old store of files turns its own default back."""
    old = sorted(path.parent for path in Path("mlruns").glob("*/meta.yaml") if path.parent.name.isdigit())
    if old:
        text = f"{old[0]}/meta.yaml is left of an old store of files: `mlflow` commands without an address go there and fail"
        remedy = f"move {', '.join(map(str, old))} away, or mlflow migrate-filestore --source mlruns --target sqlite:///{DATABASE}"
        yield Finding("store", "problem", text, remedy)


def sqlite(path: Path) -> Iterator[Finding]:
    """A database in a file; opened so that nothing is made or changed."""
    if not path.exists():
        above = next(
            (folder for folder in path.absolute().parents[2:] if (folder / DATABASE).is_file()), None
        )
        if above is not None:
            yield Finding(
                "store",
                "note",
                f"none here, the first run makes {path}; there is one in {above}",
                f"did you mean: cd {above}",
            )
        else:
            yield Finding("store", "ok", f"none yet: the first run makes {path}")
        return
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        ) as connection:
            yield from tables(lambda query: connection.execute(query).fetchall(), f"{SQLITE}{path}")
    except sqlite3.Error as error:
        locked = "locked" in str(error)
        remedy = (
            "end the process that holds it"
            if locked
            else "move it away: runs can be sent to a new one with nnexp sync"
        )
        yield Finding("store", "problem", f"{path}: {error}", remedy)
        return
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        yield Finding(
            "store", "problem", f"{path} or its folder cannot be written", f"chmod u+w {path.parent} {path}"
        )
