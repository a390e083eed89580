"""A run's network as an MLflow model: whoever has mlflow and NumPy can load it, nnexp travels inside.

It is a `python_function`: MLflow imports `nnexp_model`, a copy of nnexp.serving.mlflow_loader, from the model's folder and gives it
the model's data. What goes in is what the data set stores (pixels as bytes, a table's columns), what comes out is a table.
"""

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from nnexp.serving import mlflow_loader
from nnexp.serving.bundle import write

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

    from nnexp.tracking.upload.state import UploadState

NAME = "model"  # so that runs:/<run id>/model is it
LOADER = "nnexp_model"
VARIABLE = "MLFLOW_TRACKING_URI"
NEEDED = ("numpy", "annotated-types", "pandas")
CHECK = "warn_dependency_requirement_mismatches"
"""What MLflow does with a model's requirements: it walks every installed package, for half a second; ours name what is installed."""
EXAMPLES = 3  # in the input example


def log_model(
    client: "MlflowClient",
    ledger: "UploadState",
    folder: Path,
    head: Mapping[str, Any],
    once: Mapping[str, Any],
) -> str:
    """Log the network with its best weights as a model of the run; returns the model's id.

    Args:
        client: of the store.
        ledger: says which run.
        folder: of the run.
        head: the first line of its journal.
        once: the entry of the metrics that are told once; the model's page shows them.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

    run_id = ledger.run_id
    params = {
        key: value[:250]
        for key, value in head["params"].items()
        if "." not in key and key not in ("plugins", "optimized_metric")
    }
    kind = json.loads((folder / "network.json").read_text())["task"]
    model_id = find_model(client, ledger)
    if not model_id:
        model_id = client.create_logged_model(
            ledger.experiment_id, NAME, run_id, params=params, model_type=kind
        ).model_id
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary) / NAME
        save_model(local, folder, Path(head["destination"]["folder"]), model_id=model_id, run_id=run_id)
        client.log_model_artifacts(model_id, str(local))
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    outputs = client.get_run(run_id).outputs
    if outputs is None or model_id not in [output.model_id for output in outputs.model_outputs]:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])  # which a database takes only once
    shown = {name: value for name, value in once["values"].items() if name.startswith(("best/", "test/"))}
    if shown:  # the run has them already, with the same time, so it does not get them twice
        told = [
            Metric(name, value, once["time"], 0, model_id=model_id, run_id=run_id)
            for name, value in shown.items()
        ]
        client.log_batch(run_id, metrics=told)
    return str(model_id)


def find_model(client: "MlflowClient", ledger: "UploadState") -> str:
    """The run's model that the store has already; empty where there is none."""
    found = client.search_logged_models(
        [ledger.experiment_id], f"source_run_id = '{ledger.run_id}' AND name = '{NAME}'", max_results=1
    )
    return str(found[0].model_id) if found else ""


def find_version(client: "MlflowClient", name: str, ledger: "UploadState") -> str:
    """The version that the run's model is already; empty where there is none."""
    found = client.search_model_versions(f"name = '{name}' and run_id = '{ledger.run_id}'", max_results=1)
    return str(found[0].version) if found else ""


def save_model(
    path: Path, folder: Path, home: Path, model_id: str | None = None, run_id: str | None = None
) -> None:
    """Write a run's network as a folder in MLflow's format; plugins are looked for in `home`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import pyfunc
        from mlflow.models import Model
        from mlflow.utils import environment

    description = json.loads((folder / "network.json").read_text())
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # the library's about itself
        data, code = Path(temporary) / "network", Path(temporary) / f"{LOADER}.py"
        if hasattr(environment, CHECK):
            stack.enter_context(patch.object(environment, CHECK, lambda requirements: None))
        write(data, folder / "network.json", folder / "weights" / "best.npz", home)
        shutil.copyfile(Path(mlflow_loader.__file__), code)
        pyfunc.save_model(
            path,
            loader_module=LOADER,
            data_path=str(data),
            code_paths=[str(code)],
            mlflow_model=Model(run_id=run_id, model_id=model_id),
            signature=signature(description),
            input_example=example(description),
            pip_requirements=requirements(description),
        )


def requirements(description: Mapping[str, Any]) -> list[str]:
    """What the model needs, in the versions that are here; of nnexp it has its own."""
    more = ("scipy",) if "gelu" in json.dumps(description["model"]).lower() else ()  # for the error function
    return [f"{name}=={metadata.version(name)}" for name in ("mlflow", *NEEDED, *more)]


def signature(description: Mapping[str, Any]) -> "ModelSignature":
    """What goes in and what comes out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns, classes, targets = description["columns"], description["classes"], description["targets"]
    outputs: list[ColSpec | TensorSpec]
    if columns:
        inputs = Schema(
            [
                ColSpec("string" if column.get("categories") else "double", column["name"], required=False)
                for column in columns
            ]
        )
    else:
        inputs = Schema([TensorSpec(np.dtype(description["stored"]), (-1, *description["shape"]))])
    if description["task"] == "classification":
        outputs = [
            ColSpec("string", "prediction"),
            ColSpec("double", "confidence"),
            *(ColSpec("double", f"p_{name}") for name in classes),
        ]
    elif description["task"] == "multilabel":
        outputs = [
            *(ColSpec("boolean", name) for name in targets),
            *(ColSpec("double", f"p_{name}") for name in targets),
        ]
    else:
        outputs = [ColSpec("double", name) for name in targets]
    return ModelSignature(inputs, Schema(outputs))


def example(description: Mapping[str, Any]) -> Any:
    """Something of the right shape to send to the model: an image of nothing, or rows of plausible values."""
    if not description["columns"]:
        return np.zeros((EXAMPLES, *description["shape"]), description["stored"])
    import pandas as pd

    shift = iter(description["scale"]["shift"]) if isinstance(description["scale"], dict) else iter(())
    row: dict[str, Any] = {}
    for column in description["columns"]:
        if values := column.get("categories"):
            row[column["name"]] = values[0]
            for _ in values:
                next(shift, 0.0)
        else:
            row[column["name"]] = float(next(shift, 0.0))
    return pd.DataFrame([row] * EXAMPLES)


def register(client: "MlflowClient", name: str, ledger: "UploadState", description: str) -> str:
    """Make the model a version of the registered model of that name; returns the version."""
    from mlflow import set_tracking_uri
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(
            name, description="Networks trained by nnexp; each version names the run that it comes from."
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    model_id, said = ledger.model_id, os.environ.get(VARIABLE)
    set_tracking_uri(
        client.tracking_uri
    )  # where a database's registry looks for the model; it sets the variable too
    try:
        version = client.create_model_version(
            name, f"models:/{model_id}", ledger.run_id, model_id=model_id, description=description
        )
    finally:
        set_tracking_uri(None)  # type: ignore[arg-type]  # as it was before: nothing was said
        os.environ.update({VARIABLE: said} if said else {})
    client.set_logged_model_tags(
        model_id, {"mlflow.modelVersions": json.dumps([{"name": name, "version": version.version}])}
    )
    return str(version.version)
