"""Logs a run's model to its store, and makes it a version of a registered model."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.run_folder import NETWORK, Entry, RunFolder
from nnexp.serving.model_spec import ModelSpec
from nnexp.tracking.mlflow.model import NAME, save_model
from nnexp.tracking.mlflow.store import URI_VARIABLE

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from nnexp.tracking.mlflow.upload_state import UploadState

NOT_SHOWN = ("plugins", "optimized_metric")  # params that do not describe the model
PARAM_LENGTH = 250  # MLflow's limit for models


def log_model(
    client: "MlflowClient", state: "UploadState", run: RunFolder, head: Mapping[str, Any], summary: Entry
) -> str:
    """Log the network with its best weights as a model of the run; returns the model's id.

    `head` is the first entry of the journal, `summary` that of the metrics that are logged once.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

    run_id = state.run_id
    task = ModelSpec.read(run / NETWORK).task
    names = [name for name in head["params"] if "." not in name and name not in NOT_SHOWN]
    params = {name: head["params"][name][:PARAM_LENGTH] for name in names}
    where = f"source_run_id = '{run_id}' AND name = '{NAME}'"
    models = client.search_logged_models([state.experiment_id], where, max_results=1)
    model = models[0] if models else None  # its id was lost
    if model is None:
        model = client.create_logged_model(state.experiment_id, NAME, run_id, params=params, model_type=task)
    model_id = str(model.model_id)
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / NAME
        home = Path(head["destination"]["folder"])
        save_model(path, run.path, home, model_id=model_id, run_id=run_id)
        client.log_model_artifacts(model_id, str(path))
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    outputs = client.get_run(run_id).outputs
    if outputs is None or model_id not in [output.model_id for output in outputs.model_outputs]:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])  # a database accepts it only once
    time = summary["time"]
    ids = {"model_id": model_id, "run_id": run_id}
    scores = {name: v for name, v in summary["values"].items() if name.startswith(("best/", "test/"))}
    if scores:  # the run has them already, with the same time: they are not duplicated
        metrics = [Metric(name, value, time, 0, **ids) for name, value in scores.items()]
        client.log_batch(run_id, metrics=metrics)
    return model_id


def find_version(client: "MlflowClient", name: str, state: "UploadState") -> str:
    """Search a registered model for the version that is the run's model; returns it or ""."""
    where = f"name = '{name}' and run_id = '{state.run_id}'"
    versions = client.search_model_versions(where, max_results=1)
    return str(versions[0].version) if versions else ""


def register_model(client: "MlflowClient", name: str, state: "UploadState", description: str) -> str:
    """Make the run's model a version of a registered model; returns the version."""
    from mlflow import set_tracking_uri
    from mlflow.exceptions import MlflowException

    about = "Networks trained by nnexp; each version names the run that it comes from."
    try:
        client.create_registered_model(name, description=about)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    model_id = state.model_id
    run_id = state.run_id
    previous = os.environ.get(URI_VARIABLE)
    set_tracking_uri(client.tracking_uri)  # where a database's registry looks for the model
    try:
        source = f"models:/{model_id}"
        made = client.create_model_version(name, source, run_id, model_id=model_id, description=description)
    finally:
        set_tracking_uri(None)  # type: ignore[arg-type]  # also deletes the variable
        os.environ.update({URI_VARIABLE: previous} if previous else {})
    versions = json.dumps([{"name": name, "version": made.version}])
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": versions})
    return str(made.version)
