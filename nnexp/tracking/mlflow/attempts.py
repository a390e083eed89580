"""Other attempts of a sweep's job, in another folder or on another machine: a store keeps one of them.

Attempts of a job have the tags of sweep, job and configuration in common. Before an attempt is stored, the
runs of the others are deleted: a process that is cut off, but not dead, can then write no more of its own.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from nnexp.run_folder import CONFIG_HASH_TAG, JOB_TAG, SWEEP_ID_TAG, Entry, RunFolder, end_of, sweep_folder
from nnexp.tracking.mlflow.refusals import is_refusal
from nnexp.tracking.mlflow.upload_state import UploadState

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

JOURNAL_ID = "nnexp.journal_id"  # tag
REPLACED_TAG = "nnexp.replaced_by"  # of a deleted run: the journal of the attempt that was stored instead
FINISHED = "FINISHED"
MAX_ATTEMPTS = 100


class Attempt(Protocol):
    """A run that is being written to its store."""

    uri: str
    run_folder: RunFolder
    first: Entry  # of the journal
    head: Entry
    state: UploadState
    is_new: bool

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store."""


def may_have_others(attempt: Attempt) -> bool:
    """Return whether the store may have another attempt of the job.

    It has none where the sweep's folder is here, and the sweep has not been interrupted: the attempts of a
    job then share its folder, and its journal.
    """
    tags = attempt.first["tags"]
    if JOB_TAG not in tags or not attempt.is_new:
        return JOB_TAG in tags
    folder = sweep_folder(attempt.run_folder.path, tags)
    return folder is None or len(RunFolder(folder).sessions()) > 1


def other_attempts(attempt: Attempt) -> "list[Run]":
    """Search the store for runs of other attempts of the job."""
    tags = attempt.first["tags"]
    where = " AND ".join(is_tagged(key, tags[key]) for key in (SWEEP_ID_TAG, JOB_TAG))
    runs = attempt.client.search_runs([attempt.state.experiment_id], where, max_results=MAX_ATTEMPTS)
    return [run for run in runs if is_other(run.data.tags, tags, attempt.head["id"])]


def is_other(stored: Mapping[str, str], own: Mapping[str, str], journal_id: str) -> bool:
    """Return whether the tags of a stored run are those of another attempt with the same configuration."""
    return stored.get(CONFIG_HASH_TAG) == own[CONFIG_HASH_TAG] and stored.get(JOURNAL_ID) != journal_id


def is_tagged(key: str, value: str) -> str:
    """Return the condition of a search that a run has a tag with that value."""
    quote = '"' if "'" in value else "'"
    return f"tags.`{key}` = {quote}{value}{quote}"


def is_superseded(attempt: Attempt) -> bool:
    """Return whether the store has an attempt that is to be kept instead of this one, which has ended.

    A finished one is kept before one that is not, else the one that began last.
    """
    if not may_have_others(attempt):
        return False
    end = end_of(attempt.run_folder.entries())
    own = end is not None and end["status"] == FINISHED, attempt.first["time"]
    others = [(run.info.status == FINISHED, run.info.start_time) for run in other_attempts(attempt)]
    return any(other > own for other in others)


def delete_others(attempt: Attempt) -> None:
    """Delete what the store has of other attempts of the job: run, models, registered versions.

    A store keeps deleted runs until `mlflow gc`.
    """
    client = attempt.client
    for run in other_attempts(attempt) if may_have_others(attempt) else ():
        run_id = run.info.run_id
        client.set_tag(run_id, REPLACED_TAG, attempt.head["id"])
        for version in client.search_model_versions(f"run_id = '{run_id}'"):
            client.delete_model_version(version.name, str(version.version))
        delete_models(attempt, run_id)
        client.delete_run(run_id)


def delete_models(attempt: Attempt, run_id: str) -> None:
    """Delete the models of a run, where the store knows models."""
    where = f"source_run_id = '{run_id}'"
    try:
        models = attempt.client.search_logged_models([attempt.state.experiment_id], where)
    except Exception as error:
        if is_refusal(attempt.uri, error):  # by a server before MLflow 3
            return
        raise
    for model in models:
        attempt.client.delete_logged_model(model.model_id)
