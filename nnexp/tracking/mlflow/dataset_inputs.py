"""The data of a run as MLflow dataset inputs: each split with the SHA-256 of its rows.

MLflow's own digest of an array reads its first 10,000 numbers only: a dozen MNIST images.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nnexp.run_folder import RunFolder
from nnexp.tasks import task_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

MAX_NAME, MAX_DIGEST = 500, 36  # MLflow's limits


def dataset_inputs(run: RunFolder, params: Mapping[str, str]) -> list["DatasetInput"]:
    """Build a dataset input for each split in the run's dataset.json; none where there is no such file."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    if not (data := run.dataset):
        return []
    source = {"config": params.get("data._target_", ""), "path": params.get("data.path") or data["name"]}
    test_path = params.get("data.test_path", "null")
    texts = {"schema": json.dumps(schema(data))}
    inputs = []
    for name, split in data["splits"].items():
        digest = split["digest"]
        title = f"{data['name']}, {name}"[:MAX_NAME]
        own_file = {"path": test_path} if name == "test" and test_path != "null" else {}
        texts["source"] = json.dumps(source | own_file)
        texts["profile"] = json.dumps(profile(data, name))
        dataset = Dataset(name=title, digest=digest[:MAX_DIGEST], source_type="nnexp", **texts)
        tags = [InputTag("mlflow.data.context", name), InputTag("nnexp.sha256", digest)]
        inputs.append(DatasetInput(dataset, tags))
    return inputs


def schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return shapes and types of examples and targets, in MLflow's format of tensors."""
    task = task_of(data["task"])
    targets = task.target_spec(task.names(data))
    specs = {"features": (data["stored"], [-1, *data["shape"]]), "targets": targets}
    tensors = {key: {"dtype": dtype, "shape": shape} for key, (dtype, shape) in specs.items()}
    texts = {key: json.dumps([{"type": "tensor", "tensor-spec": spec}]) for key, spec in tensors.items()}
    return {"mlflow_tensorspec": texts}


def profile(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the number of examples of a split, its class counts, and how it was made."""
    split = data["splits"][name]
    facts = {"num_rows": split["examples"], "sha256": split["digest"], "data_sha256": data["sha256"]}
    if split.get("classes"):
        facts["class_counts"] = split["classes"]
    if name == "test":
        return facts
    return facts | {f"split_{key}": value for key, value in data["split"].items() if value is not None}
