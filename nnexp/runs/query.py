"""Queries for recorded runs: by id, name, `best`, `last` or folder, and by MLflow's filters."""

import logging
import math
import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.messages import did_you_mean, first_line
from nnexp.run_folder import CHANGED_TAG, KIND_TAG
from nnexp.runs.backends import MlflowBackend, NoRunsError, RunError, logged_value, store_errors
from nnexp.runs.database import Selection, is_mlflow_database, read_experiments, read_runs
from nnexp.runs.empty_stores import describe_empty, described
from nnexp.runs.pages import PAGE, Kind, StoredFields, all_pages, fields_of, is_of_kind, name_filter
from nnexp.runs.run import Run, folder_of, in_folder
from nnexp.tasks import TASKS
from nnexp.tracking.mlflow.relocation import former_folders, relocate, relocated
from nnexp.tracking.mlflow.store import (
    SQLITE,
    check_connection,
    set_mlflow_defaults,
    store_lock,
    tracking_uri,
)
from nnexp.tracking.mlflow.uris import check_uri, store_type

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["Run", "RunError", "Runs"]

NEWEST = "attributes.start_time DESC"
BY_METRIC = re.compile(r'metrics\."([^"]+)" DESC')
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
        by_name = "" if text == "last" else name_filter(text)
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
        self,
        condition: str = "",
        order: str = "",
        top: int | None = None,
        kind: Kind = "runs",
        columns: Collection[str] | None = None,
    ) -> list[Run]:
        """Return at most `top` runs, the newest first; condition and order are in MLflow's language.

        `kind`: runs that train, parent runs of sweeps, or both; a condition on the kind itself decides that.
        `columns`: the only params, tags and metrics that are needed; others may be missing.
        """
        kind = "all" if KIND_TAG in condition else kind
        metric = BY_METRIC.fullmatch(order)
        if self._database is not None and condition in ("", FINISHED) and (metric or not order):
            name = metric[1] if metric else ""
            selection = Selection(
                kind=kind, finished=condition == FINISHED, metric=name, top=top, columns=columns
            )
            experiments = self._experiments
            with suppress(sqlite3.Error):  # MLflow explains it
                return [self._run(run) for run in read_runs(self._database, experiments, selection)]
        return [self._run(run) for run in self._search(condition, order, top, kind)]

    def complete(self, runs: Sequence[Run]) -> list[Run]:
        """Return runs with all that the store has of them, which were selected for some columns."""
        if self._database is None or not runs:
            return list(runs)
        selection = Selection(kind="all", ids=[run.id for run in runs])
        with suppress(sqlite3.Error):
            stored = read_runs(self._database, self._experiments, selection)
            by_id = {run.id: run for run in map(self._run, stored)}
            return [by_id.get(run.id, run) for run in runs]
        return list(runs)

    def _search(self, condition: str, order: str, top: int | None, kind: Kind) -> Iterator[StoredFields]:
        """Search with MLflow."""
        client = self.client
        from mlflow.exceptions import MlflowException

        def page(token: str | None, size: int) -> Any:
            return client.search_runs([*self._experiments], condition, 1, size, orders, token)

        orders = [order, NEWEST] if order else [NEWEST]
        with store_errors(self.uri):
            try:
                yield from map(fields_of, all_pages(page, top, partial(is_of_kind, kind)))
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
        if finished and self.select(top=1):
            where = described(self.uri, self.experiment)
            return RunError(f"no run at {where} has {finished}; list the runs with: nnexp runs")
        return NoRunsError(describe_empty(self.uri, self.experiment))

    @cached_property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store; StoreError: no store, no connection, or another version's schema."""
        self._check()
        set_mlflow_defaults()
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # tracebacks before retries
        from mlflow.tracking import MlflowClient

        with store_errors(self.uri), store_lock(self.uri):  # a process may create the tables
            client = MlflowClient(tracking_uri=self.uri)
            client.search_experiments(max_results=1)
        return client

    def _check(self) -> None:
        """Raise a StoreError if there is no store, or no connection; relocate a database that was moved."""
        check_uri(self.uri)
        database = self._database
        if database is not None and not is_mlflow_database(database):
            raise self.no_runs()
        if store_type(self.uri) == "database":
            check_connection(self.uri)
        if database is not None:
            with store_errors(self.uri), store_lock(self.uri):
                self._former = relocate(database) if self._relocates else former_folders(database)

    @cached_property
    def _experiments(self) -> dict[str, str]:
        """The names of the experiments by id; a RunError if there is none of the given name."""
        names: dict[str, str] = {}
        if self._database is not None:
            self._check()
            with suppress(sqlite3.Error):
                names = read_experiments(self._database)
        if not names:
            client = self.client
            with store_errors(self.uri):
                pages = all_pages(
                    lambda token, size: client.search_experiments(max_results=size, page_token=token)
                )
            names = {str(each.experiment_id): str(each.name) for each in pages}
        selected = {key: name for key, name in names.items() if self.experiment in (None, name)}
        if not selected and self.experiment is not None:
            known = sorted(names.values())
            advice = f"{did_you_mean(self.experiment, known)}there are: {', '.join(known)}"
            raise RunError(f"no such experiment: {self.experiment}; {advice}")
        return selected

    @property
    def _database(self) -> Path | None:
        """The file of an SQLite store."""
        return Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None

    def _run(self, stored: StoredFields) -> Run:
        tags = stored.tags
        changed = {key: value for key, value in tags.items() if key.startswith(CHANGED_TAG)}
        params = stored.params | {key.removeprefix(CHANGED_TAG): value for key, value in changed.items()}
        metrics = {name: logged_value(value) for name, value in stored.metrics.items()}
        artifacts = stored.artifact_uri
        if self._former and self._database is not None:
            artifacts = relocated(artifacts, self._former, self._database.parent.resolve())
        end = stored.end_time if stored.status != "RUNNING" else None  # a resumed run keeps its former time
        elapsed = (end - stored.start_time) / 1000 if end else None
        return Run(
            id=stored.id,
            name=stored.name,
            experiment=self._experiments[stored.experiment_id],
            status=stored.status,
            started=stored.start_time / 1000,
            seconds=metrics.get("time/total", elapsed) if end else None,
            params=params,
            metrics=metrics,
            tags=tags,
            unit="epoch" if params.get("trainer.evaluate_every", "null") == "null" else "step",
            backend=MlflowBackend(lambda: self.client, self.uri, stored.id, metrics, artifacts),
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
