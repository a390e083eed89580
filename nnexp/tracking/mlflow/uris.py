"""Tracking URIs: the type of store that one names, and a check before MLflow is asked."""

import os
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, StoreError

StoreType = Literal["sqlite", "database", "server", "files", "other"]
DATABASES = ("postgresql", "mysql", "mssql")
SERVERS = ("http", "https")
OTHERS = ("databricks", "databricks-uc", "uc")  # built into MLflow
FORMS = "expected e.g. sqlite:///mlruns/mlflow.db, http://HOST:5000 or postgresql://HOST/NAME"


def store_type(uri: str) -> StoreType:
    """Return the type of store; a URI without a scheme means a folder of files."""
    scheme = uri.partition(":")[0]
    if uri.startswith(SQLITE):
        return "sqlite"
    if scheme.partition("+")[0] in DATABASES:
        return "database"
    if scheme in SERVERS:
        return "server"
    is_path = "://" not in uri and scheme not in (*OTHERS, "sqlite")
    return "files" if scheme == "file" or is_path else "other"


def uri_problem(uri: str) -> tuple[str, str]:
    """Return what is wrong with a tracking URI and the remedy; two empty texts if it may be valid."""
    shown, scheme, store = redacted(uri), uri.partition(":")[0], store_type(uri)
    if store == "files":
        return ("", "") if file_store_allowed() else _file_store_problem(shown)
    if scheme == "sqlite" and store == "other":
        return f"{shown}: sqlite: needs three slashes before a path, four before an absolute one", FORMS
    plugins = [plugin.name for plugin in entry_points(group="mlflow.tracking_store")]
    known = (*DATABASES, *SERVERS, *OTHERS, "sqlite", *plugins)
    if scheme.partition("+")[0] in known:
        return "", ""
    near = get_close_matches(scheme, known, 1)
    return f"{shown}: unknown scheme {scheme}://", f"did you mean {near[0]}://?" if near else FORMS


def check_uri(uri: str) -> None:
    """Check a tracking URI before MLflow does, whose messages are longer.

    Raises:
        StoreError: what is wrong with it.
    """
    problem, remedy = uri_problem(uri)
    if problem:
        raise StoreError(f"{problem}; {remedy}")


def file_store_allowed() -> bool:
    """Return whether the environment lets MLflow use folders of files."""
    return os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() == "true"


def _file_store_problem(shown: str) -> tuple[str, str]:
    path = Path(shown.removeprefix("file://"))
    if path.is_file():
        return f"{shown} is a file, not a tracking URI", f"did you mean {SQLITE}{path}?"
    if not path.is_dir() and "://" not in shown:
        return f"{shown}: no such store", FORMS
    database = next((path / name for name in (DATABASE.name, DATABASE) if (path / name).is_file()), None)
    problem = f"{shown} is a folder of files, which MLflow 3.13 and later refuse"
    return problem, f"did you mean {SQLITE}{database}?" if database else FORMS
