"""Stores behind a server, a database's or MLflow's own: do they answer, and what do they have."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from threading import Thread
from typing import Any, TypeVar

from nnexp.cli.doctor.finding import Finding, many
from nnexp.cli.doctor.mlflow_schema import forsaken, tables
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, first_line

PATIENCE = 3.0  # seconds
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
ELSEWHERE = f"nnexp sync --uri {SQLITE}$PWD/{DATABASE}"
LATER = f"runs made for it wait in outputs/ and are sent by nnexp sync when it is back, or elsewhere by {ELSEWHERE}"
T = TypeVar("T")


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
        yield Finding(
            "store", "problem", f"{redacted(uri)} needs a driver: {error}", driver(error.name or "", uri)
        )
    except Exception as error:  # noqa: BLE001, each database fails in its own way
        yield unreachable(uri, error)


def driver(missing: str, uri: str) -> str:
    """How to come by a database's driver, or by another address that takes the one that is there."""
    if missing == "psycopg" and find_spec(
        "psycopg2"
    ):  # SQLAlchemy 2.1 takes the new one, unless it is told to take the old
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
        answer = requests.request(
            method, f"{uri}/{path}", json=body, auth=auth, headers=headers, verify=checked, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer

    def ask_all() -> tuple[str, list[Any], list[Any]]:
        try:
            version = ask("version").text.strip()
        except requests.HTTPError:
            version = "of an unknown version"
        experiments = (
            ask("api/2.0/mlflow/experiments/search", {"max_results": 1000}).json().get("experiments", [])
        )
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
        status, reason = (
            (error.response.status_code, error.response.reason) if error.response is not None else (0, "")
        )
        denied = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        remedy = (
            denied
            if status in (401, 403)
            else "is that the address of an MLflow server? (MLFLOW_TRACKING_URI)"
        )
        yield Finding("store", "problem", f"{redacted(uri)} answers {status} {reason}", remedy)
        return
    except (OSError, ValueError, RuntimeError) as error:
        yield unreachable(uri, error)
        return
    told = version if version.startswith("of") else f"MLflow {version}"
    yield Finding(
        "store",
        "ok",
        f"{redacted(uri)}: {told}, {many(len(experiments), 'experiment')}, {many(len(running), 'run')} running",
    )
    yield from forsaken(
        (
            found["info"]["run_name"],
            found["info"]["run_id"],
            max([found["info"]["start_time"], *_timestamps(found)]),
        )
        for found in running
    )


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
    remedy = f"start it; {LATER}; for new runs to go to mlruns/ here: unset MLFLOW_TRACKING_URI"
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
