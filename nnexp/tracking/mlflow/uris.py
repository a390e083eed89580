"""Tracking URIs: the type of store that one names, and a check before MLflow's, whose messages are longer."""

import os
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE
from nnexp.tracking.mlflow.store_errors import StoreError

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


def check_uri(uri: str) -> None:
    """Raise a StoreError, with the remedy, for a tracking URI that cannot name a store."""
    shown = redacted(uri)
    scheme = uri.partition(":")[0]
    store = store_type(uri)
    if store == "files":
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() != "true":
            raise _file_store_error(shown)
        return
    if scheme == "sqlite" and store == "other":
        raise StoreError(f"{shown}: sqlite: needs three slashes, four before an absolute path; {FORMS}")
    plugins = [plugin.name for plugin in entry_points(group="mlflow.tracking_store")]
    known = (*DATABASES, *SERVERS, *OTHERS, "sqlite", *plugins)
    if scheme.partition("+")[0] not in known:
        near = get_close_matches(scheme, known, 1)
        remedy = f"did you mean {near[0]}://?" if near else FORMS
        raise StoreError(f"{shown}: unknown scheme {scheme}://; {remedy}")


def _file_store_error(shown: str) -> StoreError:
    path = Path(shown.removeprefix("file://"))
    if path.is_file():
        return StoreError(f"{shown} is a file, not a tracking URI; did you mean {SQLITE}{path}?")
    if not path.is_dir() and "://" not in shown:
        return StoreError(f"{shown}: no such store; {FORMS}")
    databases = [path / name for name in (DATABASE.name, DATABASE) if (path / name).is_file()]
    remedy = f"did you mean {SQLITE}{databases[0]}?" if databases else FORMS
    return StoreError(f"{shown} is a folder of files, which MLflow 3.13 and later refuse; {remedy}")
