"""Nests the runs of a sweep's jobs in its parent run, which a store gets with the first of them."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import Timeout

from nnexp.run_folder import (
    JOB_TAG,
    JOURNAL,
    PARENT_SWEEP_TAG,
    SWEEP_ID_TAG,
    Entry,
    RunFolder,
    end_of,
    sweep_folder,
)
from nnexp.tracking.mlflow.attempts import is_tagged
from nnexp.tracking.mlflow.logged_model import MetricAt
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.run_lock import run_lock

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PARENT_ID = "mlflow.parentRunId"  # tag by which MLflow nests a run
LOCK_TIMEOUT = 60.0  # seconds
JOBS, NO_JOBS = "sweep/jobs", MetricAt(0.0, 0, 0)  # metric of a parent run
MAX_PAGE = 1000
_confirmed: set[tuple[str, str]] = set()  # store and id of parents that this process has seen there
_of_sweeps: dict[tuple[str, str, str], str] = {}
"""Ids of parents whose folders are elsewhere, by store, experiment and sweep."""


class WrittenRun(Protocol):
    """A run that is being written to its store."""

    uri: str
    run_folder: RunFolder
    first: Entry  # of the journal
    state: UploadState
    results: dict[str, MetricAt]  # the metrics that are logged once

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store."""

    def of_folder(self, folder: Path) -> "WrittenRun":
        """Return the writer of another run to the same store."""

    def check_store(self) -> bool:
        """Return whether the store has the whole run; a state that it does not confirm is reset."""

    def send_new(self) -> None:
        """Send the entries of the journal that the store does not have yet."""


def parent_id(child: WrittenRun) -> str:
    """Return the MLflow id of the parent run of a job, made where the store has none; "": it has no parent.

    Raises:
        Timeout: another process has been writing it for a minute.
    """
    folder = sweep_folder(child.run_folder.path, child.first["tags"])
    if folder is None:
        return find_parent(child)
    run_id = UploadState.load(folder, child.state.store).run_id
    if (child.uri, run_id) in _confirmed:
        return run_id
    with run_lock(folder, LOCK_TIMEOUT):
        parent = child.of_folder(folder)
        parent.check_store()
        parent.send_new()
        _confirmed.add((parent.uri, parent.state.run_id))
        return parent.state.run_id


def find_parent(child: WrittenRun) -> str:
    """Search the store for the parent run of a job whose sweep has its folder on another machine."""
    tags = child.first["tags"]
    if JOB_TAG not in tags:
        return ""
    key = child.uri, child.state.experiment_id, tags[SWEEP_ID_TAG]
    if key not in _of_sweeps:
        where = is_tagged(PARENT_SWEEP_TAG, tags[SWEEP_ID_TAG])
        runs = child.client.search_runs([child.state.experiment_id], where, max_results=1)
        if runs:
            _of_sweeps[key] = str(runs[0].info.run_id)
    return _of_sweeps.get(key, "")


def update_parent(child: WrittenRun) -> None:
    """Send the new entries of the parent run's journal, unless another process does at this moment.

    Where that journal is on another machine, nest the job if the store has got its parent run since.
    """
    folder = sweep_folder(child.run_folder.path, child.first["tags"])
    if folder is None:
        if not child.state.parent_id and (run_id := find_parent(child)):
            child.client.set_tag(child.state.run_id, PARENT_ID, run_id)
            child.state.parent_id = run_id
        return
    state = UploadState.load(folder, child.state.store)
    if state.run_id and state.offset < (folder / JOURNAL).stat().st_size:
        with suppress(Timeout), run_lock(folder):
            parent = child.of_folder(folder)
            parent.send_new()


def adopt_children(parent: WrittenRun) -> None:
    """Nest the runs of the jobs that the store has without this parent: it is younger, or was lost."""
    run_id, store = parent.state.run_id, parent.state.store
    here = 0
    for path in sorted(parent.run_folder.path.glob(f"*/{JOURNAL}")):
        state = UploadState.load(path.parent, store)
        here += bool(state.run_id)
        if state.run_id and state.parent_id != run_id:
            with suppress(Timeout), run_lock(path.parent):
                state = UploadState.load(path.parent, store)
                parent.client.set_tag(state.run_id, PARENT_ID, run_id)
                state.parent_id = run_id
                state.save(path.parent)
    if here < parent.results.get(JOBS, NO_JOBS).value:
        adopt_distant_children(parent)


def adopt_distant_children(parent: WrittenRun) -> None:
    """Nest the runs of jobs whose folders are on other machines.

    In a sweep that has failed, those that still run were lost with their machine: they have failed.
    """
    end = end_of(parent.run_folder.entries())
    has_failed = end is not None and end["status"] == "FAILED"
    where = is_tagged(SWEEP_ID_TAG, parent.first["tags"][PARENT_SWEEP_TAG])
    token: str | None = None
    while token != "":
        runs = parent.client.search_runs(
            [parent.state.experiment_id], where, max_results=MAX_PAGE, page_token=token
        )
        for run in runs:
            if run.data.tags.get(PARENT_ID) != parent.state.run_id:
                parent.client.set_tag(run.info.run_id, PARENT_ID, parent.state.run_id)
            if has_failed and run.info.status == "RUNNING":
                parent.client.set_terminated(run.info.run_id, "FAILED")
        token = runs.token or ""
