"""Is the MLflow store well: can it be reached, does this MLflow understand it, what lies in it, can its files be written."""

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import urlparse
from urllib.request import url2pathname

from nnexp.tracking.store import DATABASE, SQLITE, StoreError, address, first_line, redacted
from nnexp.verbs.checks.finding import Finding, many

PATIENCE = 3.0  # seconds for a server
SILENT = 3600.0  # seconds without a sign of life, after which a run's process is likely gone
DATABASES = ("postgresql", "mysql", "mssql")
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
Rows = Sequence[Sequence[Any]]
Ask = Callable[[str], Rows]
T = TypeVar("T")


def store() -> Iterator[Finding]:
    """The one that runs here go to."""
    try:
        uri = address(None)
    except StoreError as error:
        yield Finding("store", "problem", str(error))
        return
    scheme = uri.partition(":")[0]
    if uri.startswith(SQLITE):
        yield from sqlite(Path(uri.removeprefix(SQLITE)))
    elif scheme in ("http", "https"):
        yield from server(uri.rstrip("/"))
    elif scheme.partition("+")[0] in DATABASES:
        yield from database(uri)
    elif scheme == "file" or "://" not in uri:
        text = f"{uri} is a folder of files, which MLflow 3.13 and later refuse"
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() == "true":
            yield Finding("store", "note", f"{text} but for MLFLOW_ALLOW_FILE_STORE=true")
        else:
            yield Finding("store", "problem", text, f"unset MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_URI=sqlite:///{Path.cwd() / DATABASE}")
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
        above = next((folder for folder in path.absolute().parents[2:] if (folder / DATABASE).is_file()), None)
        if above is not None:
            yield Finding("store", "note", f"none here, the first run makes {path}; there is one in {above}", f"did you mean: cd {above}")
        else:
            yield Finding("store", "ok", f"none yet: the first run makes {path}")
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
            yield from tables(lambda query: connection.execute(query).fetchall(), f"{SQLITE}{path}")
    except sqlite3.Error as error:
        locked = "locked" in str(error)
        remedy = "end the process that holds it" if locked else "move it away: runs can be sent to a new one with nnexp sync"
        yield Finding("store", "problem", f"{path}: {error}", remedy)
        return
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        yield Finding("store", "problem", f"{path} or its folder cannot be written", f"chmod u+w {path.parent} {path}")


def database(uri: str) -> Iterator[Finding]:
    """A database that a server holds."""

    def ask_all() -> list[Finding]:
        from sqlalchemy import create_engine, text

        engine = create_engine(uri)
        try:
            with engine.connect() as connection:
                return list(tables(lambda query: connection.execute(text(query)).fetchall(), uri))
        finally:
            engine.dispose()

    try:
        yield from within(PATIENCE, ask_all)
    except ImportError as error:
        yield Finding("store", "problem", f"{redacted(uri)} needs a driver: {error}", driver(error.name or "", uri))
    except Exception as error:  # noqa: BLE001, each database fails in its own way
        yield unreachable(uri, error)


def driver(missing: str, uri: str) -> str:
    """How to come by a database's driver, or by another address that takes the one that is there."""
    if missing == "psycopg" and find_spec("psycopg2"):  # SQLAlchemy 2.1 takes the new one, unless it is told to take the old
        return f"write the address as {redacted(uri).replace('postgresql:', 'postgresql+psycopg2:', 1)}, or pip install 'psycopg[binary]'"
    return f"pip install '{DRIVERS.get(missing, missing)}'"


def server(uri: str) -> Iterator[Finding]:
    """An MLflow server, asked by its own protocol: importing MLflow for that would take a second."""
    import requests

    name, password = (os.environ.get(f"MLFLOW_TRACKING_{part}", "") for part in ("USERNAME", "PASSWORD"))
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    checked = os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() != "true"

    def ask(path: str, body: dict[str, Any] | None = None) -> requests.Response:
        method, auth = "GET" if body is None else "POST", (name, password) if name else None
        answer = requests.request(method, f"{uri}/{path}", json=body, auth=auth, headers=headers, verify=checked, timeout=PATIENCE)
        answer.raise_for_status()
        return answer

    def ask_all() -> tuple[str, list[Any], list[Any]]:
        try:
            version = ask("version").text.strip()
        except requests.HTTPError:
            version = "of an unknown version"
        experiments = ask("api/2.0/mlflow/experiments/search", {"max_results": 1000}).json().get("experiments", [])
        wanted = {
            "experiment_ids": [e["experiment_id"] for e in experiments],
            "filter": "attributes.status = 'RUNNING'",
            "max_results": 100,
        }
        running = ask("api/2.0/mlflow/runs/search", wanted).json().get("runs", []) if experiments else []
        return version, experiments, running

    try:
        version, experiments, running = within(PATIENCE, ask_all)
    except requests.HTTPError as error:
        status, reason = (error.response.status_code, error.response.reason) if error.response is not None else (0, "")
        denied = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        remedy = denied if status in (401, 403) else "is that the address of an MLflow server? (MLFLOW_TRACKING_URI)"
        yield Finding("store", "problem", f"{redacted(uri)} answers {status} {reason}", remedy)
        return
    except (OSError, ValueError, RuntimeError) as error:
        yield unreachable(uri, error)
        return
    told = version if version.startswith("of") else f"MLflow {version}"
    yield Finding("store", "ok", f"{redacted(uri)}: {told}, {many(len(experiments), 'experiment')}, {many(len(running), 'run')} running")
    yield from forsaken(
        (found["info"]["run_name"], found["info"]["run_id"], max([found["info"]["start_time"], *_timestamps(found)])) for found in running
    )


def tables(ask: Ask, uri: str) -> Iterator[Finding]:
    """What MLflow's tables say of themselves, by SQL."""
    place = redacted(uri)
    try:
        version = str(ask("SELECT version_num FROM alembic_version")[0][0])
    except (IndexError, sqlite3.OperationalError) as error:
        if "locked" in str(error):
            raise
        yield Finding("store", "problem", f"{place} has no tables of MLflow's", "the first run makes them, if the database is empty")
        return
    ((experiments,),) = ask("SELECT COUNT(*) FROM experiments WHERE lifecycle_stage = 'active'")
    ((runs,),) = ask("SELECT COUNT(*) FROM runs WHERE lifecycle_stage = 'active'")
    known, latest = schemas()
    own = f"MLflow {metadata.version('mlflow')}"
    counts = f"{many(experiments, 'experiment')}, {many(runs, 'run')}"
    if version in latest:
        yield Finding("store", "ok", f"{place}: {counts}, tables as {own} has them")
    elif version in known:
        yield Finding(
            "store", "problem", f"{place} ({counts}) was made by an older MLflow than {own}", f"copy it, then: mlflow db upgrade {place}"
        )
    else:
        remedy = "pip install --upgrade mlflow"
        yield Finding("store", "problem", f"{place} ({counts}) was made by a newer MLflow than {own}", remedy)
    running = ask(
        "SELECT r.name, r.run_uuid, r.start_time, MAX(m.timestamp) FROM runs r LEFT JOIN latest_metrics m ON m.run_uuid = r.run_uuid "
        "WHERE r.status = 'RUNNING' AND r.lifecycle_stage = 'active' GROUP BY r.name, r.run_uuid, r.start_time"
    )
    yield from forsaken((name, run_id, max(start or 0, seen or 0)) for name, run_id, start, seen in running)
    places = ask(
        "SELECT e.name, e.artifact_location, COUNT(r.run_uuid) FROM experiments e LEFT JOIN runs r ON r.experiment_id = e.experiment_id "
        "WHERE e.lifecycle_stage = 'active' GROUP BY e.name, e.artifact_location"
    )
    yield from artifacts(places)


def artifacts(experiments: Rows) -> Iterator[Finding]:
    """The folders on this machine that hold an experiment's files."""
    good = 0
    for name, location, runs in experiments:
        found = urlparse(location or "")
        if found.scheme not in ("", "file") or not runs:
            continue
        folder = Path(url2pathname(found.path))
        if folder.is_dir() and os.access(folder, os.W_OK):
            good += 1
        elif folder.is_dir():
            yield Finding("artifacts", "problem", f"{folder} of experiment {name} cannot be written", f"chmod -R u+w {folder}")
        else:
            text = f"the files of experiment {name} ({many(runs, 'run')}) should lie in {folder}, which is not there"
            remedy = "if the project was moved, move or link it back; for new runs: tracking.experiment=ANOTHER"
            yield Finding("artifacts", "problem", text, remedy)
    if good:
        yield Finding("artifacts", "ok", f"of {many(good, 'experiment')} can be read and written")


def forsaken(running: Any) -> Iterator[Finding]:
    """Runs that are said to run, of which nobody has heard for long: (name, id, last sign of life in milliseconds)."""
    old = [(name, run_id, seen / 1000) for name, run_id, seen in running if time.time() - seen / 1000 > SILENT]
    if old:
        name, run_id, seen = old[0]
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(seen))
        first = f"{name} ({run_id[:8]}), silent since {since}"
        more = f", and {len(old) - 1} more" if len(old) > 1 else ""
        end = (
            f"python -c \"from mlflow import MlflowClient; MlflowClient('{redacted(address(None))}').set_terminated('{run_id}', 'KILLED')\""
        )
        text = f"{many(len(old), 'run')} said to run, though the process is likely gone: {first}{more}"
        yield Finding("store", "note", text, f"nnexp sync, if it was made here; else {end}")


def schemas() -> tuple[set[str], set[str]]:
    """The versions of tables that the installed MLflow knows, and the latest; read from its migrations without importing it."""
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        raise StoreError("mlflow is not installed")
    revisions: set[str] = set()
    before: set[str] = set()
    for file in (Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        revisions.update(re.findall(r"""^revision\b.*=\s*["'](\w+)["']""", text, re.MULTILINE))
        for line in re.findall(r"^down_revision\b.*?=(.*)$", text, re.MULTILINE):
            before.update(re.findall(r"""["'](\w+)["']""", line))
    return revisions, revisions - before


def unreachable(uri: str, error: Exception) -> Finding:
    """A server that does not answer, in words."""
    said = str(error)
    reasons = {
        "refused": "nobody listens there",
        "resolve": "there is no machine of that name",
        "Name or service": "there is no machine of that name",
        "timed out": f"no answer within {PATIENCE:.0f} s",
        "no answer": f"no answer within {PATIENCE:.0f} s",
        "CERTIFICATE": "its certificate is not trusted",
        "authentication": "it refuses the name or the password",
    }
    why = next((words for word, words in reasons.items() if word in said), redacted(first_line(error)))
    remedy = "start it, or unset MLFLOW_TRACKING_URI; runs made meanwhile are kept in outputs/ and sent later by nnexp sync"
    return Finding("store", "problem", f"{redacted(uri)} cannot be reached: {why}", remedy)


def within(seconds: float, ask: Callable[[], T]) -> T:
    """The answer, if it comes in time; looking up a name, for one, knows no end of its own.

    Raises:
        TimeoutError: it did not.
    """
    answers: list[T] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001, raised again below
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("no answer")
    return answers[0]


def _timestamps(run: dict[str, Any]) -> list[int]:
    return [int(metric["timestamp"]) for metric in run.get("data", {}).get("metrics", [])]
