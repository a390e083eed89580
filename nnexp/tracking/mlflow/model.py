"""A run's network as an MLflow model: it needs mlflow and NumPy only, a copy of nnexp is inside.

It has the flavor `python_function`: MLflow imports `nnexp_model`, a copy of nnexp.serving.mlflow_loader, from
the model's folder. Inputs are as stored in the data set (pixels as bytes, columns), outputs a table.
"""

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnexp.preprocessing.scaling import Standardization
from nnexp.run_folder import NETWORK, Entry, RunFolder
from nnexp.serving import mlflow_loader
from nnexp.serving.bundle import write_bundle
from nnexp.serving.model_spec import ModelSpec
from nnexp.tasks import task_of
from nnexp.tracking.mlflow.store import URI_VARIABLE

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

    from nnexp.tracking.mlflow.upload_state import UploadState

NAME = "model"  # its URI is runs:/<run id>/model
LOADER = "nnexp_model"
REQUIRED = ("mlflow", "numpy", "annotated-types", "pandas")
NOT_SHOWN = ("plugins", "optimized_metric")  # params that do not describe the model
PARAM_LENGTH = 250  # MLflow's limit for models
EXAMPLES = 3  # in the input example


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


def save_model(
    path: Path, folder: Path, home: Path, model_id: str | None = None, run_id: str | None = None
) -> None:
    """Write a run's network as a folder in MLflow's format; plugins are searched for in `home`."""
    run = RunFolder(folder)
    spec = ModelSpec.read(run / NETWORK)
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow, about itself
        from mlflow import pyfunc
        from mlflow.models import Model

        disable_requirement_check()
        data = Path(temporary) / "network"
        code = Path(temporary) / f"{LOADER}.py"
        write_bundle(data, run / NETWORK, run.weights("best"), home)
        shutil.copyfile(Path(mlflow_loader.__file__), code)
        files = {"loader_module": LOADER, "data_path": str(data), "code_paths": [str(code)]}
        interface = {"signature": signature(spec), "input_example": input_example(spec)}
        model = Model(run_id=run_id, model_id=model_id)
        packages = requirements(spec)
        pyfunc.save_model(path, mlflow_model=model, pip_requirements=packages, **files, **interface)


def disable_requirement_check() -> None:
    """Stop MLflow from comparing a model's requirements with every installed package, which takes 0.5 s.

    Verified on MLflow 3.17.2; where another version has no such function, nothing is changed.
    """
    from mlflow.utils import environment

    name = "warn_dependency_requirement_mismatches"
    if hasattr(environment, name):
        setattr(environment, name, lambda requirements: None)


def requirements(spec: ModelSpec) -> list[str]:
    """Return the packages that the model needs besides its copy of nnexp, in the installed versions."""
    optional = ("scipy",) if "gelu" in json.dumps(spec.model).lower() else ()  # for the error function
    return [f"{name}=={metadata.version(name)}" for name in (*REQUIRED, *optional)]


def signature(spec: ModelSpec) -> "ModelSignature":
    """Build the signature: types of inputs and outputs."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    if spec.columns:
        types = {column.name: "string" if column.categories else "double" for column in spec.columns}
        inputs = Schema([ColSpec(kind, name, required=False) for name, kind in types.items()])
    else:
        inputs = Schema([TensorSpec(np.dtype(spec.stored), (-1, *spec.shape))])
    outputs = task_of(spec.task).column_types(spec.names)
    return ModelSignature(inputs, Schema([ColSpec(kind, name) for name, kind in outputs.items()]))


def input_example(spec: ModelSpec) -> Any:
    """Build an example of the inputs: black images, or rows of means and first categories."""
    if not spec.columns:
        return np.zeros((EXAMPLES, *spec.shape), spec.stored)
    import pandas as pd

    means = iter(spec.scale.shift if isinstance(spec.scale, Standardization) else ())
    row: dict[str, Any] = {}
    for column in spec.columns:
        inputs = [float(next(means, 0.0)) for _ in column.categories or (None,)]
        row[column.name] = column.categories[0] if column.categories else inputs[0]
    return pd.DataFrame([row] * EXAMPLES)
