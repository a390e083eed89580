"""The MLflow store: opened safely, filled in batches."""

import getpass
import os
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from nnexp.errors import UserError
from nnexp.redaction import HIDDEN, redacted

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

SQLITE = "sqlite:///"
METRICS_PER_CALL, PARAMS_PER_CALL, TAGS_PER_CALL = 1000, 100, 100  # MLflow's own limits
PARAM_LENGTH = 6000
KIND = {
    "mlflow.experimentKind": "custom_model_development"
}  # the UI then opens on training, not on language models
NOTE = "mlflow.note.content"
DATABASE = Path("mlruns") / "mlflow.db"
CONNECTS_WITHIN = 5  # seconds
MLFLOW_ENV = {  # no telemetry, no progress bars, no chatter
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # ten processes of 230 MB that would judge language models
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model has its own requirements, not those of the folder we are in
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # its own 7 hold on to a dead server for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
SERVERS = ("http://", "https://", "databricks")


class StoreError(UserError):
    """The store will not take the run: why, and what to do about it."""


def address(uri: str | None, folder: Path | None = None) -> str:
    """The store that is meant: that address, else MLFLOW_TRACKING_URI, else mlruns/mlflow.db in a folder (the working directory)."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or database(folder or Path.cwd())


def database(folder: Path) -> str:
    """The address of a folder's own store."""
    path = folder / DATABASE
    if odd := {"%", "?"} & set(str(path)):
        raise StoreError(
            f"MLflow takes no database below a folder with {odd.pop()} in its name: {path}; set MLFLOW_TRACKING_URI"
        )
    return f"{SQLITE}{path}"


def set_mlflow_defaults() -> None:
    """Settle MLflow's habits before it is imported, where a person has not."""
    for name, value in MLFLOW_ENV.items():
        os.environ.setdefault(name, value)


def open_store(
    uri: str, experiment: str, note: str = "", home: Path | None = None
) -> tuple["MlflowClient", str]:
    """A client of the store at `uri` and the id of the experiment of that name, made with that note if there is none.

    Artifacts of an SQLite store lie beside it, those of another database in mlruns/ of `home` (the working directory); a server
    knows its own place.

    The first use of a database creates its tables, and two processes that do so at once break each other's work; so that
    happens under a file lock, beside an SQLite database, in this machine's folder for temporary files for any other.
    """
    folder = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else None
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sqlite3.connect(
                uri.removeprefix(SQLITE)
            ).close()  # says at once what MLflow would try again for minutes
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{uri.removeprefix(SQLITE)}: {error}") from error
    if uri.startswith("postgresql"):
        answers(uri)
    set_mlflow_defaults()
    import logging

    from mlflow.tracking import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _lock(uri, folder):
        try:
            client = MlflowClient(tracking_uri=uri)
            beside = None if uri.startswith(SERVERS) else folder or (home or Path.cwd()) / DATABASE.parent
            return client, _experiment(client, experiment, note, beside)
        except StoreError:
            raise
        except Exception as error:  # a database, a server and a network each fail in their own way
            raise StoreError(in_words(uri, error)) from error


def answers(uri: str) -> None:
    """Ask a database server whether it is there; MLflow would ask for minutes.

    Raises:
        StoreError: it is not.
    """
    from sqlalchemy import create_engine

    try:
        create_engine(uri, connect_args={"connect_timeout": CONNECTS_WITHIN}).connect().close()
    except Exception as error:  # the drivers' own
        raise StoreError(in_words(uri, error)) from error


def _lock(uri: str, folder: Path | None) -> AbstractContextManager[object]:
    """What keeps others on this machine out while a database is opened; a server looks after itself."""
    if uri.startswith(SERVERS):
        return nullcontext()
    if folder is not None:
        return FileLock(folder / ".lock")
    return FileLock(
        Path(tempfile.gettempdir())
        / f"nnexp-{getpass.getuser()}-{sha256(uri.encode()).hexdigest()[:16]}.lock"
    )


def _experiment(client: "MlflowClient", name: str, note: str, folder: Path | None) -> str:
    """The id of the experiment of that name, made if there is none; another may make it at the same moment."""
    found = client.get_experiment_by_name(name)
    if found is None:
        place = None if folder is None else (folder / "artifacts" / _slug(name)).resolve().as_uri()
        tags = KIND | ({NOTE: note} if note else {})
        try:
            return str(client.create_experiment(name, artifact_location=place, tags=tags))
        except Exception:
            if (found := client.get_experiment_by_name(name)) is None:
                raise
    if found.lifecycle_stage == "deleted":
        remedy = f"restore it (mlflow experiments restore -x {found.experiment_id}) or take another name (tracking.experiment=...)"
        raise StoreError(f"the MLflow experiment {name!r} is deleted: {remedy}")
    return str(found.experiment_id)


def log_metrics(client: "MlflowClient", run_id: str, metrics: Sequence["Metric"]) -> None:
    """Log any number of metrics."""
    for start in range(0, len(metrics), METRICS_PER_CALL):
        client.log_batch(run_id, metrics=metrics[start : start + METRICS_PER_CALL])


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, str]) -> None:
    """Log any number of params; what is longer than MLflow takes is cut, and whole in config.yaml."""
    from mlflow.entities import Param

    entities = [Param(key, value[:PARAM_LENGTH]) for key, value in params.items()]
    for start in range(0, len(entities), PARAMS_PER_CALL):
        client.log_batch(run_id, params=entities[start : start + PARAMS_PER_CALL])


def destination(place: Mapping[str, Any]) -> str:
    """The store that a run was made for, from what its journal says; a password comes from the environment only.

    Raises:
        StoreError: the environment does not say it.
    """
    home = Path(place["folder"])
    if (uri := place["uri"]) is None:
        return (
            database(home) if home.is_dir() else address(None)
        )  # the folder may have come from another machine
    if HIDDEN not in uri:
        return str(uri)
    said = os.environ.get("MLFLOW_TRACKING_URI", "")
    if redacted(said) != uri:
        raise StoreError(
            f"the run was made for {uri}: set MLFLOW_TRACKING_URI to that, with name and password"
        )
    return said


def in_words(uri: str, error: Exception) -> str:
    """What a store's failure is, in a line, without a password."""
    known = {
        "No module named 'psycopg": "a PostgreSQL store needs its driver: pip install 'nnexp[postgres]'",
        "Connection refused": "nobody answers there: is the server running?",
        "Name or service not known": "there is no such host",
        "Temporary failure in name resolution": "its name cannot be looked up: is there a network?",
        "timed out": "no answer in time",
        "Remote end closed": "it closed the connection without an answer",
        "Connection aborted": "it closed the connection without an answer",
        "500 error responses": "it answers with errors (500)",
        "401": "it refuses the name or the password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    }
    text = str(error)
    what = next((words for mark, words in known.items() if mark in text), redacted(first_line(error)))
    return f"MLflow at {redacted(uri)}: {what}"


def first_line(error: Exception) -> str:
    """What an exception says, without the pages that some add."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
