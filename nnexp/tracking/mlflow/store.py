"""The MLflow store: where it is, safe to open from many processes, batched logging, explained errors."""

import getpass
import logging
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from nnexp.atomic_write import MODE
from nnexp.messages import first_line
from nnexp.run_folder import Entry
from nnexp.tracking.mlflow.relocation import relocate
from nnexp.tracking.mlflow.sqlite.creation import create_store, is_half_made, wait_for_creation
from nnexp.tracking.mlflow.store_errors import SERVERS, StoreError, explain_error

if TYPE_CHECKING:
    from mlflow.entities import FileInfo, Metric
    from mlflow.tracking import MlflowClient

SQLITE = "sqlite:///"
DATABASE = Path("mlruns") / "mlflow.db"
URI_VARIABLE = "MLFLOW_TRACKING_URI"
NOTE = "mlflow.note.content"
EXPERIMENT_KIND = {"mlflow.experimentKind": "custom_model_development"}  # which page the UI opens
VALUES_PER_CALL, TEXTS_PER_CALL, PARAM_LENGTH = 1000, 100, 6000  # MLflow's own limits
CONNECT_TIMEOUT = 5  # seconds
MAX_REPOSITORIES = 1000  # that MLflow's client remembers
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
MLFLOW_ENV = {  # no telemetry, progress bars or messages
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # ten processes of 230 MB that evaluate language models
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model has its own requirements, not those of the working directory
    "GIT_PYTHON_REFRESH": "quiet",
    RETRIES: "1",  # the default, 7, keeps trying a dead server for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def tracking_uri(uri: str | None, folder: Path | None = None) -> str:
    """Resolve the tracking URI: the given one, else MLFLOW_TRACKING_URI, else mlruns/mlflow.db here."""
    if chosen := uri or os.environ.get(URI_VARIABLE):
        return chosen
    path = (folder or Path.cwd()) / DATABASE
    if invalid := {"%", "?"} & set(str(path)):
        problem = f"MLflow takes no database below a folder with {invalid.pop()} in its name"
        raise StoreError(f"{problem}: {path}; fix: set {URI_VARIABLE}")
    return f"{SQLITE}{path}"


def set_mlflow_defaults() -> None:
    """Set environment variables of MLflow before it is imported, except those that the user has set."""
    for name, value in MLFLOW_ENV.items():
        os.environ.setdefault(name, value)


def open_store(uri: str, experiment: str, note: str = "", home: Path = Path()) -> tuple["MlflowClient", str]:
    """Open a store; returns its client and the experiment's id, created with that note if it is missing.

    Artifacts of an SQLite store lie beside it, those of another database in mlruns/ of `home` or, if that is
    missing, of the working directory; a server has its own location. The first use of a database creates its
    tables, and two processes must not do so at once: it happens under a file lock.
    """
    database = Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None
    if uri.startswith("postgresql"):
        check_connection(uri)
    set_mlflow_defaults()
    from mlflow.tracking import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    beside = database.parent if database else (home if home.is_dir() else Path()) / DATABASE.parent
    artifacts = None if uri.startswith(SERVERS) else beside
    with store_lock(uri):
        try:
            if database is not None:
                prepare_database(database)
            client = MlflowClient(tracking_uri=uri)
            return client, _experiment_id(client, uri, experiment, note, artifacts)
        except StoreError:
            raise
        except Exception as error:  # databases, servers and networks raise errors of many types
            raise StoreError(explain_error(uri, error)) from error


def prepare_database(database: Path) -> None:
    """Create a database that is missing or half made, and relocate one that was moved; under the lock.

    Raises:
        StoreError: it cannot be opened or created.
    """
    try:
        wait_for_creation(database)
        if not database.exists() or is_half_made(database):
            create_store(database)
        sqlite3.connect(database).close()  # MLflow would retry for minutes
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{database}: {first_line(error)}") from error
    relocate(database)


def check_connection(uri: str) -> None:
    """Connect to a database server, or raise a StoreError at once; MLflow would retry for minutes."""
    from sqlalchemy import create_engine

    try:
        create_engine(uri, connect_args={"connect_timeout": CONNECT_TIMEOUT}).connect().close()
    except Exception as error:  # of the driver
        raise StoreError(explain_error(uri, error)) from error


def metrics_of(entries: Sequence[Entry]) -> list["Metric"]:
    """Return the metrics in a journal's entries as those of MLflow."""
    from mlflow.entities import Metric

    records = [entry for entry in entries if entry["kind"] == "metrics"]
    return [Metric(k, v, e["time"], e["step"]) for e in records for k, v in e["values"].items()]


def log_metrics(client: "MlflowClient", run_id: str, metrics: Sequence["Metric"]) -> None:
    """Log any number of metrics."""
    log_values(client, run_id, metrics=metrics)


def log_params(client: "MlflowClient", run_id: str, params: Mapping[str, str]) -> None:
    """Log any number of params; values longer than MLflow's limit are cut (config.yaml has them in full)."""
    log_values(client, run_id, params=params)


def log_values(
    client: "MlflowClient",
    run_id: str,
    *,
    metrics: Sequence["Metric"] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Log any number of metrics, params and tags in few calls; longer texts than MLflow takes are cut."""
    from mlflow.entities import Param, RunTag

    all_metrics = list(metrics)
    all_params = [Param(key, value[:PARAM_LENGTH]) for key, value in (params or {}).items()]
    all_tags = [RunTag(key, value[:PARAM_LENGTH]) for key, value in (tags or {}).items()]
    while all_metrics or all_params or all_tags:
        batch = all_params[:TEXTS_PER_CALL], all_tags[:TEXTS_PER_CALL]
        count = VALUES_PER_CALL - len(batch[0]) - len(batch[1])
        client.log_batch(run_id, metrics=all_metrics[:count], params=batch[0], tags=batch[1])
        del all_metrics[:count], all_params[:TEXTS_PER_CALL], all_tags[:TEXTS_PER_CALL]


def list_artifacts(uri: str, artifact_uri: str, path: str | None = None) -> list["FileInfo"]:
    """List the artifacts below a path of a run in the store at `uri`.

    MLflow's client would also search for the run's models, which servers before MLflow 3 do not have.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return list(get_artifact_repository(artifact_uri, tracking_uri=uri).list_artifacts(path))


def remember_artifact_uri(uri: str, owner_id: str, artifact_uri: str) -> None:
    """Keep MLflow's client from asking the server at `uri` where the artifacts of a run or model go.

    Verified on MLflow 3.17.2; where another version has no such cache, nothing is changed.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.tracking._tracking_service import utils

    cache = getattr(utils, "_artifact_repos_cache", None)
    if cache is not None and uri.startswith("http"):
        cache[owner_id] = get_artifact_repository(artifact_uri, tracking_uri=uri)
        while len(cache) > MAX_REPOSITORIES:
            cache.popitem(last=False)


@contextmanager
def sent_once() -> Iterator[None]:
    """Let MLflow repeat no request of the block: the server may have done what it has not answered."""
    former = os.environ.get(RETRIES)
    os.environ[RETRIES] = "0"
    try:
        yield
    finally:
        os.environ.pop(RETRIES) if former is None else os.environ.update({RETRIES: former})


@contextmanager
def store_lock(uri: str) -> Iterator[None]:
    """Hold the lock to open a database: beside an SQLite file, else in this machine's temporary folder.

    The lock file is as open as the database. Where this user cannot have it, the database was made by another
    one, and is there already: its tables need no lock.
    """
    if uri.startswith(SERVERS):
        yield
        return
    if uri.startswith(SQLITE):
        database = Path(uri.removeprefix(SQLITE))
        path, mode = database.with_name(".lock"), MODE
        with suppress(OSError):
            database.parent.mkdir(parents=True, exist_ok=True)
            mode = stat.S_IMODE(database.stat().st_mode) | 0o600
    else:
        name = f"nnexp-{getpass.getuser()}-{sha256(uri.encode()).hexdigest()[:16]}.lock"
        path, mode = Path(tempfile.gettempdir()) / name, 0o600
    lock = FileLock(path, mode=mode)
    with suppress(OSError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _experiment_id(client: "MlflowClient", uri: str, name: str, note: str, folder: Path | None) -> str:
    """Return an experiment's id, created if it is missing; another process may do so at the same moment."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        from nnexp.tracking.mlflow.views.support import tags_of_new_experiment

        slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
        slug = slug if slug.strip(".") else f"-{slug}"  # which would be another folder
        location = None if folder is None else (folder / "artifacts" / slug).resolve().as_uri()
        tags = EXPERIMENT_KIND | tags_of_new_experiment(uri) | ({NOTE: note} if note else {})
        try:
            return str(client.create_experiment(name, artifact_location=location, tags=tags))
        except Exception:
            if (experiment := client.get_experiment_by_name(name)) is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        restore = f"mlflow experiments restore -x {experiment.experiment_id}"
        remedy = f"restore it ({restore}) or use another name (tracking.experiment=...)"
        raise StoreError(f"the MLflow experiment {name!r} is deleted; fix: {remedy}")
    return str(experiment.experiment_id)
