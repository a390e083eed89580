"""Recorded runs, read back: found by id, name, `best`, `last` or folder, and selected as MLflow selects them."""

import logging
import math
import os
import sqlite3
from contextlib import nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from nnexp.messages import first_line
from nnexp.redaction import redacted
from nnexp.run_folder import JOURNAL
from nnexp.runs.backends import RunError, Stored, number, told
from nnexp.runs.run import Run, in_folder, took
from nnexp.tracking.mlflow.store import SQLITE, check_connection, set_mlflow_defaults, tracking_uri
from nnexp.tracking.mlflow.uris import check_uri, store_type

if TYPE_CHECKING:
    from mlflow import entities
    from mlflow.tracking import MlflowClient

__all__ = ["Run", "RunError", "Runs"]

NEWEST = "attributes.start_time DESC"
SHORTEST_PREFIX, WHOLE_ID = 4, 32
PAGE = 1000  # runs that are asked for at a time
SCORES = ("best/val_accuracy", "best/val_r2")  # what `best` looks at
EXAMPLE = 'metrics."best/val_accuracy" > 0.98 and params.init = "he_normal"'
REMEDY = "make one with: nnexp data=digits"


class Runs:
    """The runs of a store; nothing is opened before it is needed, and nothing is ever made.

    Args:
        uri: of the store; None: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory.
        experiment: only its runs; None: those of all experiments.
    """

    def __init__(self, uri: str | None = None, experiment: str | None = None) -> None:
        self.given, self.experiment = uri, experiment
        self._client: MlflowClient | None = None
        self._experiments: dict[str, str] = {}  # names by id

    def find(self, text: str) -> Run:
        """One run.

        Args:
            text: an id or the first 4 characters or more of one; a name (of several runs the newest is meant); `best`: the
                highest best/val_accuracy (else best/val_r2) of those that finished; `last`: the newest; or the path of a run's folder.

        Raises:
            RunError: there is none, or several begin so.
            StoreError: there is no such store.
        """
        if (folder := _folder(text)) is not None:
            return in_folder(folder)
        if text == "best":
            return self.best()
        by_name = "" if text == "last" else _named(text)
        if by_name is not None and (named := self.select(by_name, top=1)):
            return named[0]
        prefix = text.lower()
        if SHORTEST_PREFIX <= len(prefix) <= WHOLE_ID and set(prefix) <= set("0123456789abcdef"):
            fitting = self.select(f"attributes.run_id LIKE '{prefix}%'", top=10)
            if len(fitting) > 1:
                several = ", ".join(f"{run.id[: len(prefix) + 4]} ({run.name})" for run in fitting)
                raise RunError(
                    f"{len(fitting)} runs begin with {text}: {several}; write more of the one that is meant"
                )
            if fitting:
                return fitting[0]
        raise self._unknown(text)

    def best(self) -> Run:
        """The run with the highest best/val_accuracy, else best/val_r2, of those that finished."""
        for score in SCORES:
            found = self.select("attributes.status = 'FINISHED'", f'metrics."{score}" DESC', top=1)
            if found and not math.isnan(found[0].metrics.get(score, math.nan)):
                return found[0]
        if not self.select(top=1):
            raise self.none()
        raise RunError(
            f"no run at {self.place} has finished with a {' or '.join(SCORES)}; see them with: nnexp runs"
        )

    def last_finished(self) -> Run:
        """The newest of the runs that finished."""
        if found := self.select("attributes.status = 'FINISHED'", top=1):
            return found[0]
        if not self.select(top=1):
            raise self.none()
        raise RunError(f"no run at {self.place} has finished; see them with: nnexp runs")

    def select(self, filter: str = "", order: str = "", top: int | None = None) -> list[Run]:  # noqa: A002, as MLflow has it
        """Runs that fit; of several in the same place the newest first.

        Args:
            filter: in MLflow's language, e.g. metrics."best/val_accuracy" > 0.98 and params.init = "he_normal".
            order: e.g. metrics."best/val_accuracy" DESC; the newest first if empty.
            top: at most so many; None: all.

        Raises:
            RunError: there is no store, or the filter or the order cannot be read.
        """
        client = self.client()
        from mlflow.exceptions import MlflowException

        found: list[Run] = []
        token: str | None = None
        orders = [order, NEWEST] if order else [NEWEST]
        with told(self.uri):
            while top is None or len(found) < top:
                size = PAGE if top is None else min(PAGE, top - len(found))
                try:
                    page = client.search_runs(
                        [*self._experiments], filter, max_results=size, order_by=orders, page_token=token
                    )
                except MlflowException as error:
                    if error.error_code != "INVALID_PARAMETER_VALUE":
                        raise
                    raise RunError(
                        f"{filter or order}: MLflow cannot read this: {first_line(error)}; write e.g. {EXAMPLE}"
                    ) from error
                found += map(self._run, page)
                if not (token := page.token):
                    break
        return found

    @property
    def uri(self) -> str:
        """The store's address."""
        return tracking_uri(self.given)

    @property
    def place(self) -> str:
        """The store, as it may be shown."""
        return redacted(self.uri).removeprefix(SQLITE)

    def none(self) -> RunError:
        """What is said where there are no runs at all."""
        where = self.place if self.experiment is None else f"{self.place} in the experiment {self.experiment}"
        return RunError(f"no runs here yet: there are none at {where}; {REMEDY}")

    def client(self) -> "MlflowClient":
        """MLflow's client of the store.

        Raises:
            RunError: there is no store, or no such experiment.
            StoreError: its address leads nowhere, or nobody answers there.
        """
        if self._client is None:
            check_uri(self.uri)
            path = Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None
            if path is not None and not _holds_runs(path):
                raise self.none()
            if store_type(self.uri) == "database":
                check_connection(self.uri)
            set_mlflow_defaults()
            logging.getLogger("mlflow.store.db.utils").setLevel(
                logging.CRITICAL
            )  # it tells a traceback before each further try
            from mlflow.tracking import MlflowClient

            lock = (
                path.parent / ".lock" if path is not None and os.access(path.parent, os.W_OK) else None
            )  # somebody may be making it
            with told(self.uri), FileLock(lock) if lock else nullcontext():
                client = MlflowClient(tracking_uri=self.uri)
                self._experiments = self._wanted(client)
            self._client = client
        return self._client

    def _wanted(self, client: "MlflowClient") -> dict[str, str]:
        names: dict[str, str] = {}
        token: str | None = None
        while True:
            page = client.search_experiments(max_results=PAGE, page_token=token)
            names |= {str(found.experiment_id): found.name for found in page}
            if not (token := page.token):
                break
        if self.experiment is None:
            return names
        wanted = {key: name for key, name in names.items() if name == self.experiment}
        if not wanted:
            near = get_close_matches(self.experiment, names.values(), 1)
            advice = f"did you mean {near[0]}? " if near else ""
            raise RunError(
                f"no such experiment: {self.experiment}; {advice}there are: {', '.join(sorted(names.values()))}"
            )
        return wanted

    def _run(self, found: "entities.Run") -> Run:
        info, data = found.info, found.data
        metrics = {key: number(value) for key, value in data.metrics.items()}
        seconds = took(metrics, (info.end_time - info.start_time) / 1000 if info.end_time else None)
        source = Stored(self.client(), self.uri, info.run_id, metrics, info.artifact_uri)
        experiment, started = self._experiments[info.experiment_id], info.start_time / 1000
        return Run(
            info.run_id,
            info.run_name or "",
            experiment,
            info.status,
            started,
            seconds,
            dict(data.params),
            metrics,
            dict(data.tags),
            source,
        )

    def _unknown(self, text: str) -> RunError:
        known = self.select(top=PAGE)
        if not known:
            return self.none()
        near = get_close_matches(text, {run.name for run in known} | {"best", "last"}, 3)
        near += [
            run.id[:8] for run in known if get_close_matches(text.lower(), [run.id[: len(text)]], 1, 0.8)
        ][:3]
        advice = f"did you mean {' or '.join(near)}? " if near else ""
        return RunError(
            f"no such run: {text}; {advice}it is an id, a name, best, last or a run's folder; see them with: nnexp runs"
        )


def _folder(text: str) -> Path | None:
    """The run's folder that a text is the path of, or of whose journal."""
    try:
        path = Path(text).expanduser()
        folder = path.parent if path.name == JOURNAL else path
        if (folder / JOURNAL).is_file():
            return folder
        is_folder = os.sep in text and folder.is_dir()
    except (OSError, RuntimeError):  # no path at all
        return None
    if is_folder:
        raise RunError(f"{text}: no run's folder, there is no {JOURNAL} in it")
    return None


def _holds_runs(database: Path) -> bool:
    """Whether a file is an SQLite database of MLflow's; it is not made if it is not there."""
    if not database.is_file():
        return False
    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
        try:
            return (
                connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone() is not None
            )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise RunError(f"{database}: {error}") from error


def _named(text: str) -> str | None:
    """The filter for a name; None: MLflow's filters know no escapes, so that none can ask for a name with both kinds of quotes."""
    if "'" in text and '"' in text:
        return None
    return f"attributes.run_name = '{text}'" if "'" not in text else f'attributes.run_name = "{text}"'
