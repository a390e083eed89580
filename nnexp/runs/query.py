"""Queries for recorded runs: by id, name, `best`, `last` or folder, and by MLflow's filters."""

import logging
import math
import os
import sqlite3
from contextlib import closing, suppress
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.messages import did_you_mean, first_line
from nnexp.redaction import redacted
from nnexp.run_folder import CHANGED_TAG, JOURNAL, KIND_TAG, UPLOAD_STATE
from nnexp.runs.backends import MlflowBackend, RunError, logged_value, store_errors
from nnexp.runs.pages import PAGE, Kind, all_pages, is_of_kind
from nnexp.runs.run import Run, in_folder
from nnexp.tasks import TASKS
from nnexp.tracking.mlflow.relocation import former_folders, relocate, relocated
from nnexp.tracking.mlflow.sqlite.creation import has_store
from nnexp.tracking.mlflow.store import (
    SQLITE,
    check_connection,
    set_mlflow_defaults,
    store_lock,
    tracking_uri,
)
from nnexp.tracking.mlflow.store_errors import explain_error
from nnexp.tracking.mlflow.uris import check_uri, store_type
from nnexp.tracking.upload.sync import find_runs

if TYPE_CHECKING:
    from mlflow import entities
    from mlflow.tracking import MlflowClient

__all__ = ["Run", "RunError", "Runs"]

NEWEST = "attributes.start_time DESC"
FINISHED = "attributes.status = 'FINISHED'"
MIN_PREFIX, ID_LENGTH = 4, 32
SCORES = tuple(dict.fromkeys(f"best/val_{task.score}" for task in TASKS.values()))  # what `best` looks at
EXAMPLE = 'metrics."best/val_accuracy" > 0.98 and params.init = "he_normal"'


class Runs:
    """The runs of a store, or of one experiment in it; it is opened when needed, and never created.

    Without a `uri` it is MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory. `relocates`:
    whether the database of a moved project may be changed.
    """

    def __init__(self, uri: str | None = None, experiment: str | None = None, relocates: bool = True) -> None:
        self._given_uri = uri
        self._relocates = relocates
        self.experiment = experiment
        self._experiments: dict[str, str] = {}  # names by id
        self._former: list[Path] = []  # former folders of a moved store that was not changed

    def find(self, text: str) -> Run:
        """Return one run.

        Args:
            text: an id or its first 4 characters or more; a name (of several runs the newest); `best`: the
                finished run of the highest best/val_accuracy, else best/val_r2; `last`: the newest; a folder.

        Raises:
            RunError: there is none, or several ids begin so. StoreError: there is no such store.
        """
        if (folder := folder_of(text)) is not None:
            return in_folder(folder)
        if text == "best":
            return self.best()
        by_name = "" if text == "last" else _name_filter(text)
        kind: Kind = "runs" if text == "last" else "all"
        if by_name is not None and (runs := self.select(by_name, top=1, kind=kind)):
            return runs[0]
        prefix = text.lower()
        if MIN_PREFIX <= len(prefix) <= ID_LENGTH and set(prefix) <= set("0123456789abcdef"):
            runs = self.select(f"attributes.run_id LIKE '{prefix}%'", top=10, kind="all")
            if len(runs) > 1:
                ids = ", ".join(f"{run.id[: len(prefix) + 4]} ({run.name})" for run in runs)
                raise RunError(f"{len(runs)} runs begin with {text}: {ids}; give more characters of the id")
            if runs:
                return runs[0]
        raise self._unknown(text)

    def best(self) -> Run:
        for score in SCORES:
            runs = self.select(FINISHED, f'metrics."{score}" DESC', top=1)
            if runs and not math.isnan(runs[0].metrics.get(score, math.nan)):
                return runs[0]
        raise self.no_runs(f"finished with a {' or '.join(SCORES)}")

    def last_finished(self) -> Run:
        if runs := self.select(FINISHED, top=1):
            return runs[0]
        raise self.no_runs("finished")

    def select(
        self, condition: str = "", order: str = "", top: int | None = None, kind: Kind = "runs"
    ) -> list[Run]:
        """Return at most `top` runs, the newest first; condition and order are in MLflow's language.

        `kind`: runs that train, parent runs of sweeps, or both; a condition on the kind itself decides that.
        """
        kind = "all" if KIND_TAG in condition else kind
        client = self.client
        from mlflow.exceptions import MlflowException

        def page(token: str | None, size: int) -> Any:
            return client.search_runs([*self._experiments], condition, 1, size, orders, token)

        orders = [order, NEWEST] if order else [NEWEST]
        with store_errors(self.uri):
            try:
                return [self._run(run) for run in all_pages(page, top, partial(is_of_kind, kind))]
            except MlflowException as error:
                if error.error_code != "INVALID_PARAMETER_VALUE":
                    raise
                what = f"{condition or order}: MLflow cannot parse it: {first_line(error)}"
                raise RunError(f"{what}; write e.g. {EXAMPLE}") from error

    @property
    def uri(self) -> str:
        return tracking_uri(self._given_uri)

    def no_runs(self, finished: str = "") -> RunError:
        """Return the error of a store without runs, or without finished ones."""
        where = redacted(self.uri).removeprefix(SQLITE)
        where += f" in the experiment {self.experiment}" if self.experiment else ""
        if finished and self.select(top=1):
            return RunError(f"no run at {where} has {finished}; list the runs with: nnexp runs")
        own = Path("mlruns", "mlflow.db").absolute()
        if self.uri == f"{SQLITE}{own}" and not has_store(own):
            if any(Path("outputs").rglob(UPLOAD_STATE)):
                return RunError(f"{where} is missing; fix: nnexp sync --rebuild")
            if any(run.state == "waiting" for run in find_runs(Path("outputs"))):
                return RunError(
                    f"no runs at {where} yet: those below outputs/ are not uploaded; fix: nnexp sync"
                )
        return RunError(f"no runs here yet: there are none at {where}; make one with: nnexp data=digits")

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store; StoreError: no store, no connection, or no such experiment."""
        check_uri(self.uri)
        path = Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None
        if path is not None and not _is_mlflow_database(path):
            raise self.no_runs()
        if store_type(self.uri) == "database":
            check_connection(self.uri)
        set_mlflow_defaults()
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # tracebacks before retries
        from mlflow.tracking import MlflowClient

        with store_errors(self.uri), store_lock(self.uri):  # a process may create the tables
            if path is not None:
                self._former = relocate(path) if self._relocates else former_folders(path)
            client = MlflowClient(tracking_uri=self.uri)
            self._experiments = self._experiment_names(client)
        return client

    def _experiment_names(self, client: "MlflowClient") -> dict[str, str]:
        def page(token: str | None, size: int) -> Any:
            return client.search_experiments(max_results=size, page_token=token)

        names = {str(each.experiment_id): str(each.name) for each in all_pages(page)}
        selected = {key: name for key, name in names.items() if self.experiment in (None, name)}
        if not selected and self.experiment is not None:
            known = sorted(names.values())
            advice = f"{did_you_mean(self.experiment, known)}there are: {', '.join(known)}"
            raise RunError(f"no such experiment: {self.experiment}; {advice}")
        return selected

    def _run(self, run: "entities.Run") -> Run:
        info = run.info
        tags = dict(run.data.tags)
        changed = {key: value for key, value in tags.items() if key.startswith(CHANGED_TAG)}
        params = run.data.params | {key.removeprefix(CHANGED_TAG): value for key, value in changed.items()}
        metrics = {name: logged_value(value) for name, value in run.data.metrics.items()}
        artifacts = info.artifact_uri
        if self._former:
            folder = Path(self.uri.removeprefix(SQLITE)).parent.resolve()
            artifacts = relocated(artifacts, self._former, folder)
        ended = info.end_time and info.status != "RUNNING"  # a run that was resumed keeps its former time
        elapsed = (info.end_time - info.start_time) / 1000 if ended else None
        return Run(
            id=info.run_id,
            name=info.run_name or "",
            experiment=self._experiments[info.experiment_id],
            status=info.status,
            started=info.start_time / 1000,
            seconds=metrics.get("time/total", elapsed) if ended else None,
            params=params,
            metrics=metrics,
            tags=tags,
            unit="epoch" if params.get("trainer.evaluate_every", "null") == "null" else "step",
            backend=MlflowBackend(self.client, self.uri, info.run_id, metrics, artifacts),
        )

    def _unknown(self, text: str) -> RunError:
        known = self.select(top=PAGE)
        if not known:
            return self.no_runs()
        names = {run.id[: len(text)]: run.id[:8] for run in known} | {run.name: run.name for run in known}
        names |= {"best": "best", "last": "last"}
        near = [names[name] for name in get_close_matches(text, names, 3)]
        advice = f"did you mean {' or '.join(near)}? " if near else ""
        expected = "expected an id, a name, best, last or a run's folder"
        return RunError(f"no such run: {text}; {advice}{expected}; list the runs with: nnexp runs")


def folder_of(text: str) -> Path | None:
    """Return the run's folder that a text is the path of, or of its journal."""
    with suppress(OSError, RuntimeError):  # not a path
        path = Path(os.path.expanduser(text))
        folder = path.parent if path.name == JOURNAL else path
        if (folder / JOURNAL).is_file():
            return folder
        if os.sep in text and folder.is_dir():
            raise RunError(f"{text}: not a run's folder, it has no {JOURNAL}")
    return None


def _is_mlflow_database(path: Path) -> bool:
    """Return whether a file is a whole SQLite database of MLflow's, without creating it."""
    if not has_store(path):
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            query = "SELECT 1 FROM sqlite_master WHERE name = 'runs'"
            return connection.execute(query).fetchone() is not None
    except sqlite3.Error as error:
        raise RunError(explain_error(f"{SQLITE}{path}", error)) from error


def _name_filter(text: str) -> str | None:
    """Return the filter for a name; None for one with both kinds of quotes: there are no escapes."""
    quote = next((quote for quote in "'\"" if quote not in text), None)
    return quote and f"attributes.run_name = {quote}{text}{quote}"
