"""Addresses of stores: of which kind one is, and plain words for one that leads nowhere."""

import os
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, StoreError

Kind = Literal["sqlite", "database", "server", "files", "other"]
DATABASES = ("postgresql", "mysql", "mssql")
SERVERS = ("http", "https")
OTHERS = ("databricks", "databricks-uc", "uc")  # which MLflow knows of itself
FORMS = "an address is like sqlite:///mlruns/mlflow.db, http://HOST:5000 or postgresql://HOST/NAME"


def kind(uri: str) -> Kind:
    """Which; an address without a scheme means a folder of files."""
    scheme = uri.partition(":")[0]
    if uri.startswith(SQLITE):
        return "sqlite"
    if scheme.partition("+")[0] in DATABASES:
        return "database"
    if scheme in SERVERS:
        return "server"
    return (
        "files" if scheme == "file" or ("://" not in uri and scheme not in (*OTHERS, "sqlite")) else "other"
    )


def fault(uri: str) -> tuple[str, str]:
    """What is wrong with an address, and the remedy; two empty texts if it may lead somewhere."""
    place, found = redacted(uri), kind(uri)
    if found == "files":
        return ("", "") if files_are_allowed() else _no_files(place)
    scheme = uri.partition(":")[0]
    if scheme == "sqlite" and found == "other":
        return (
            f"{place}: a database in a file has three slashes before its path, four if that is absolute",
            FORMS,
        )
    known = (
        *DATABASES,
        *SERVERS,
        *OTHERS,
        "sqlite",
        *(plugin.name for plugin in entry_points(group="mlflow.tracking_store")),
    )
    if scheme.partition("+")[0] in known:
        return "", ""
    near = get_close_matches(scheme, known, 1)
    return (
        f"{place}: MLflow knows no store of the kind {scheme}://",
        f"did you mean {near[0]}://?" if near else FORMS,
    )


def check(uri: str) -> None:
    """Refuse an address that leads nowhere, before MLflow does so in words of its own.

    Raises:
        StoreError: what is wrong with it.
    """
    what, remedy = fault(uri)
    if what:
        raise StoreError(f"{what}; {remedy}")


def files_are_allowed() -> bool:
    """Whether somebody told MLflow to take folders of files all the same."""
    return os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() == "true"


def _no_files(place: str) -> tuple[str, str]:
    path = Path(place.removeprefix("file://"))
    if path.is_file():
        return f"{place} is a file, and no address", f"did you mean {SQLITE}{path}?"
    if not path.is_dir() and "://" not in place:
        return f"{place}: no such store", FORMS
    within = next((path / name for name in (DATABASE.name, DATABASE) if (path / name).is_file()), None)
    return (
        f"{place} is a folder of files, which MLflow 3.13 and later refuse",
        f"did you mean {SQLITE}{within}?" if within else FORMS,
    )
