"""Logs a run's model to its store, and makes it a version of a registered model."""

import json
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nnexp.run_folder import NETWORK, Entry, RunFolder
from nnexp.serving.model_spec import ModelSpec
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.model import NAME, save_model
from nnexp.tracking.mlflow.patience import create_once
from nnexp.tracking.mlflow.refusals import Refusals, check_artifact_folder, is_refusal
from nnexp.tracking.mlflow.store import URI_VARIABLE, remember_artifact_uri
from nnexp.tracking.mlflow.upload_state import UploadState

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric
    from mlflow.tracking import MlflowClient

SCORES = ("best/", "test/")  # metrics that the model has too
NOT_SHOWN = ("plugins", "optimized_metric")  # params that do not describe the model
PARAM_LENGTH = 250  # MLflow's limit for models
MODELS_OF_RUN = "mlflow.log-model.history"  # tag; what MLflow 2 shows


class MetricAt(NamedTuple):
    """The value of a metric with its time in milliseconds and its step."""

    value: float
    time: int
    step: int


class RunInStore(Protocol):
    """A run that is being written to its store: what its model is made of."""

    uri: str
    run_folder: RunFolder
    refusals: Refusals
    destination: Destination
    head: Entry  # the first entry of the journal, with what was changed since
    results: dict[str, MetricAt]  # the metrics that are logged once
    state: UploadState
    scores: "list[Metric]"  # of them, those that are logged with the model
    former: UploadState  # in a store that has lost the run
    may_repeat: bool  # the store may have more than the state says
    made_model: str  # the id of a model that has no files yet
    unfinished: str  # the id of a model that has no more than its files

    @property
    def is_batched(self) -> bool:
        """Whether calls are stored together."""

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client of the store."""

    @property
    def artifact_uri(self) -> str:
        """Where the artifacts of the run go."""

    def save_state(self) -> None:
        """Write the upload state."""

    def with_former_id(self, made: str, former: str) -> str:
        """Give what was just made its former id, where possible; returns its id."""


def send_model(writer: RunInStore) -> None:
    """Log the network with its best weights, if there are some; for an older server, among the artifacts."""
    if not has_new_model(writer):
        return
    with writer.refusals.skipped("the model"):
        check_artifact_folder(writer.uri, writer.artifact_uri)
        try:
            writer.state.model_id = log_model(writer)
            if not writer.is_batched:
                link_model(writer)
        except Exception as error:
            if not is_refusal(writer.uri, error):
                raise
            log_model_in_run(writer)
            writer.state.model_in_run = True
        writer.state.model_is_current = True
    if not writer.unfinished:
        writer.save_state()


def has_new_model(writer: RunInStore) -> bool:
    """Return whether the run has a network with its best weights that the store does not have."""
    if writer.state.model_is_current or not writer.run_folder.weights("best").exists():
        return False
    return (writer.run_folder / NETWORK).exists() and writer.refusals.check_model(writer.run_folder)


def log_model(writer: RunInStore) -> str:
    """Log the files of the model of the writer's run; returns its id."""
    run_id = writer.state.run_id
    model_id = writer.made_model or create_model(writer)
    writer.made_model = model_id
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / NAME
        save_model(path, writer.run_folder.path, writer.destination.home, model_id=model_id, run_id=run_id)
        writer.client.log_model_artifacts(model_id, str(path))
    writer.made_model = ""
    writer.unfinished = model_id
    return model_id


def link_model(writer: RunInStore) -> None:
    """Make a model that has its files an output of its run."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    client = writer.client
    run_id = writer.state.run_id
    model_id = writer.unfinished
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    if not (writer.may_repeat and has_output(writer, model_id)):
        create = partial(client.log_outputs, run_id, [LoggedModelOutput(model_id, step=0)])
        create_once(writer.uri, create, lambda: has_output(writer, model_id) or None)


def split_scores(writer: RunInStore) -> "tuple[list[Metric], list[Metric]]":
    """Return the scores as metrics of the run's model, if a new one has been logged.

    Returns:
        The scores to log, and those that the run has already, with the same time: they can only be logged
        for themselves.
    """
    from mlflow.entities import Metric

    run_id = writer.state.run_id
    if not (model_id := writer.unfinished):
        return writer.scores, []
    new = {score.key: MetricAt(score.value, score.timestamp, score.step) for score in writer.scores}
    old = {name: at for name, at in writer.results.items() if name.startswith(SCORES) and name not in new}
    new_scores, old_scores = (
        [Metric(name, *at, model_id=model_id, run_id=run_id) for name, at in scores.items()]
        for scores in (new, old)
    )
    return new_scores, old_scores


def find_model(writer: RunInStore) -> "LoggedModel | None":
    """Search for the model of the run, whose id may have been lost."""
    where = f"source_run_id = '{writer.state.run_id}' AND name = '{NAME}'"
    models = writer.client.search_logged_models([writer.state.experiment_id], where, max_results=1)
    return models[0] if models else None


def has_output(writer: RunInStore, model_id: str) -> bool:
    """Return whether a model is an output of the run already: a database accepts it only once."""
    outputs = writer.client.get_run(writer.state.run_id).outputs
    return outputs is not None and model_id in [output.model_id for output in outputs.model_outputs]


def create_model(writer: RunInStore) -> str:
    """Create the model in the store, unless it is there, as yet without files; returns its id."""
    if writer.may_repeat and (existing := find_model(writer)) is not None:
        return str(existing.model_id)
    state = writer.state
    values = writer.head["params"]
    names = [name for name in values if "." not in name and name not in NOT_SHOWN]
    params = {name: values[name] for name in names}
    spec = ModelSpec.read(writer.run_folder / NETWORK)
    if spec.columns:  # the signature has none
        params["columns"] = ", ".join(f"{column.name} ({column.kind})" for column in spec.columns)
    params = {name: value[:PARAM_LENGTH] for name, value in params.items()}
    create = partial(writer.client.create_logged_model, params=params, model_type=spec.task)
    model = create_once(
        writer.uri, partial(create, state.experiment_id, NAME, state.run_id), partial(find_model, writer)
    )
    remember_artifact_uri(writer.uri, str(model.model_id), model.artifact_location)
    return writer.with_former_id(str(model.model_id), writer.former.model_id)


def log_model_in_run(writer: RunInStore) -> None:
    """Log the network among the artifacts of its run, as MLflow 2 does; its URI is runs:/<run id>/model."""
    client = writer.client
    run_id = writer.state.run_id
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / NAME
        model = save_model(path, writer.run_folder.path, writer.destination.home, run_id=run_id)
        client.log_artifacts(run_id, str(path), NAME)
    client.set_tag(run_id, MODELS_OF_RUN, json.dumps([model.get_tags_dict()]))


def find_version(client: "MlflowClient", name: str, state: UploadState) -> str:
    """Search a registered model for the version that is the run's model; returns it or ""."""
    where = f"name = '{name}' and run_id = '{state.run_id}'"
    versions = client.search_model_versions(where, max_results=1)
    return str(versions[0].version) if versions else ""


def register_model(client: "MlflowClient", name: str, state: UploadState, description: str) -> str:
    """Make the run's model a version of a registered model, unless it is one; returns the version."""
    if version := find_version(client, name, state):  # of a lost answer, or a run that was resumed
        client.update_model_version(name, version, description)
        return version
    from mlflow import set_tracking_uri
    from mlflow.exceptions import MlflowException

    about = "Networks trained by nnexp; each version names the run that it comes from."
    try:
        client.create_registered_model(name, description=about)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    run_id = state.run_id
    source = state.model_uri
    if not state.model_id:
        source = f"{client.get_run(run_id).info.artifact_uri}/{NAME}"
    previous = os.environ.get(URI_VARIABLE)
    set_tracking_uri(client.tracking_uri)  # where a database's registry looks for the model
    try:
        create = partial(client.create_model_version, name, source, run_id, description=description)
        version = create_once(
            client.tracking_uri,
            lambda: str(create(model_id=state.model_id or None).version),
            lambda: find_version(client, name, state) or None,
        )
    finally:
        set_tracking_uri(None)  # type: ignore[arg-type]  # also deletes the variable
        os.environ.update({URI_VARIABLE: previous} if previous else {})
    if state.model_id:
        versions = json.dumps([{"name": name, "version": version}])
        client.set_logged_model_tags(state.model_id, {"mlflow.modelVersions": versions})
    return version
