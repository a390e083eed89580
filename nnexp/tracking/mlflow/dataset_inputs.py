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

DIGEST_LENGTH = 36  # MLflow's limit
SPLIT_KEYS = ("seed", "validation", "folds", "fold", "stratify")


def dataset_inputs(run: RunFolder, params: Mapping[str, str]) -> list["DatasetInput"]:
    """Build a dataset input for each split in the run's dataset.json; none where there is no such file."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    if not (data := run.dataset):
        return []
    source = {"config": params.get("data._target_", ""), "path": params.get("data.path") or data["name"]}
    inputs = []
    for name, split in data["splits"].items():
        dataset = Dataset(
            name=f"{data['name']}, {name}"[:500],
            digest=split["digest"][:DIGEST_LENGTH],
            source_type="nnexp",
            source=json.dumps(source),
            schema=json.dumps(schema(data)),
            profile=json.dumps(profile(data, name)),
        )
        tags = [InputTag("mlflow.data.context", name), InputTag("nnexp.sha256", split["digest"])]
        inputs.append(DatasetInput(dataset, tags))
    return inputs


def schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return shapes and types of examples and targets, in MLflow's format of tensors."""
    task = task_of(data["task"])
    dtype, shape = task.target_spec(task.names(data))
    features = {"type": "tensor", "tensor-spec": {"dtype": data["stored"], "shape": [-1, *data["shape"]]}}
    targets = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}
    return {"mlflow_tensorspec": {"features": json.dumps([features]), "targets": json.dumps([targets])}}


def profile(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the number of examples of a split, its class counts, and how it was made."""
    split = data["splits"][name]
    facts = {"num_rows": split["examples"], "sha256": split["digest"], "data_sha256": data["sha256"]}
    if split.get("classes"):
        facts["class_counts"] = split["classes"]
    if name != "test":
        facts |= {
            f"split_{key}": data["split"][key] for key in SPLIT_KEYS if data["split"].get(key) is not None
        }
    return facts
