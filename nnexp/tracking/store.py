"""The MLflow store: opened safely, filled in batches."""

import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

SQLITE = "sqlite:///"
METRICS_PER_CALL, PARAMS_PER_CALL, TAGS_PER_CALL = 1000, 100, 100  # MLflow's own limits
PARAM_LENGTH = 6000
KIND = {"mlflow.experimentKind": "custom_model_development"}  # the UI then opens on training, not on language models


class StoreError(Exception):
    """The store will not take the run: why, and what to do about it."""


def address(uri: str | None, folder: Path | None = None) -> str:
    """The store that is meant: that address, else MLFLOW_TRACKING_URI, else mlruns/mlflow.db in a folder (the working directory)."""
    if found := uri or os.environ.get("MLFLOW_TRACKING_URI"):
        return found
    path = (folder or Path.cwd()) / "mlruns" / "mlflow.db"
    if odd := {"%", "?"} & set(str(path)):
        raise StoreError(f"MLflow takes no database below a folder with {odd.pop()} in its name: {path}; set MLFLOW_TRACKING_URI")
    return f"{SQLITE}{path}"


def quiet() -> None:
    """Settle MLflow's habits before it is imported, where a person has not: no telemetry, no progress bars, no chatter."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own 7 hold on to a dead server for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def open_store(uri: str, experiment: str) -> tuple["MlflowClient", str]:
    """A client of the store at `uri` and the id of the experiment of that name, made if there is none.

    The first use of an SQLite store creates its tables, and two processes that do so at once break each other's work; so
    that happens under a file lock beside the database.
    """
    folder = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else None
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sqlite3.connect(uri.removeprefix(SQLITE)).close()  # says at once what MLflow would try again for minutes
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{uri.removeprefix(SQLITE)}: {error}") from error
    quiet()
    import logging

    from mlflow.tracking import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    with FileLock(folder / ".lock") if folder is not None else nullcontext():
        try:
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(experiment)
            if found is not None and found.lifecycle_stage == "deleted":
                remedy = f"restore it (mlflow experiments restore -x {found.experiment_id}) or take another name (tracking.experiment=...)"
                raise StoreError(f"the MLflow experiment {experiment!r} is deleted: {remedy}")
            if found is not None:
                return client, found.experiment_id
            place = None if folder is None else (folder / "artifacts" / _slug(experiment)).resolve().as_uri()
            return client, client.create_experiment(experiment, artifact_location=place, tags=KIND)
        except StoreError:
            raise
        except Exception as error:  # a database, a server and a network each fail in their own way
            raise StoreError(f"MLflow at {redacted(uri)}: {first_line(error)}") from error


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


def redacted(uri: str) -> str:
    """An address without the name and password that it may carry."""
    return re.sub(r"//[^/@]*@", "//***@", uri)


def first_line(error: Exception) -> str:
    """What an exception says, without the pages that some add."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
