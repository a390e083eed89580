"""A run's network as an MLflow model: it needs mlflow and NumPy only, a copy of nnexp is inside.

It has the flavor `python_function`: MLflow imports `nnexp_model`, a copy of nnexp.serving.mlflow_loader, from
the model's folder. Inputs are as stored in the data set (pixels as bytes, columns), outputs a table.
"""

import json
import shutil
import tempfile
import warnings
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnexp.preprocessing.dates import format_date
from nnexp.preprocessing.scaling import Standardization
from nnexp.run_folder import NETWORK, RunFolder
from nnexp.serving import mlflow_loader
from nnexp.serving.bundle import write_bundle
from nnexp.serving.model_spec import ModelSpec
from nnexp.tasks import task_of

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

NAME = "model"  # its URI is runs:/<run id>/model
LOADER = "nnexp_model"
REQUIRED = ("mlflow", "numpy", "annotated-types", "pandas")
EXAMPLES = 3  # in the input example


def save_model(
    path: Path, folder: Path, home: Path, model_id: str | None = None, run_id: str | None = None
) -> "Model":
    """Write a run's network as a folder in MLflow's format; plugins are searched for in `home`.

    Without a model's id it is one among the artifacts of its run.
    """
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
        columns = [{"name": column.name, "kind": column.kind} for column in spec.columns]
        interface["metadata"] = {"columns": columns} if columns else None
        place = None if model_id else NAME
        model = Model(artifact_path=place, run_id=run_id, model_id=model_id)
        packages = requirements(spec)
        pyfunc.save_model(path, mlflow_model=model, pip_requirements=packages, **files, **interface)
        return model


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
    models = json.dumps([one.model for one in (spec, *spec.members)])
    scipy = ("scipy",) if "gelu" in models.lower() else ()  # for the error function
    pillow = ("pillow",) if spec.resize else ()
    return [f"{name}=={installed_version(name)}" for name in (*REQUIRED, *scipy, *pillow)]


@cache
def installed_version(package: str) -> str:
    """Return the version of an installed package."""
    return metadata.version(package)


def signature(spec: ModelSpec) -> "ModelSignature":
    """Build the signature: types of outputs, and of images as inputs.

    Images of files have none: of files, the content is taken too. Columns have none: of a declared type,
    MLflow refuses integers for numbers, numbers for categories, or dates for text; of any type, CSV files
    over HTTP. The model itself reads all of them.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    pixels = Schema([TensorSpec(np.dtype(spec.stored), (-1, *spec.shape))])
    inputs = None if spec.columns or spec.resize else pixels
    outputs = task_of(spec.task).column_types(spec.names)
    return ModelSignature(inputs, Schema([ColSpec(kind, name) for name, kind in outputs.items()]))


def input_example(spec: ModelSpec) -> Any:
    """Build an example of the inputs: black images, or rows of means, mean dates and first categories."""
    if not spec.columns:
        return np.zeros((EXAMPLES, *spec.shape), spec.stored)
    import pandas as pd

    means = iter(spec.scale.mean if isinstance(spec.scale, Standardization) else ())
    row: dict[str, Any] = {}
    for column in spec.columns:
        mean, *_ = (float(next(means, 0.0)) for _ in column.inputs)
        row[column.name] = column.categories[0] if column.categories else mean
        if column.date_format:
            row[column.name] = format_date(mean, column.date_format)
    return pd.DataFrame([row] * EXAMPLES)
