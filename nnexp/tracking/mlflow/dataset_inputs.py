"""What a run learnt from, as MLflow's dataset inputs: each part with the SHA-256 of its rows.

MLflow's own digest of an array looks at its first 10,000 numbers, which is a dozen MNIST images; so ours is told.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

DIGEST = 36  # the characters that MLflow keeps of a digest
SPLIT = ("seed", "validation", "folds", "fold", "stratify")


def datasets(folder: Path, params: Mapping[str, str]) -> list["DatasetInput"]:
    """A dataset input for training, validation and test, from the run's dataset.json; none where there is no such file."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    try:
        data = json.loads((folder / "dataset.json").read_text())
    except FileNotFoundError:
        return []
    source = {"config": params.get("data._target_", ""), "path": params.get("data.path") or data["name"]}
    made = []
    for part, found in data["splits"].items():
        dataset = Dataset(
            name=f"{data['name']}, {part}"[:500],
            digest=found["digest"][:DIGEST],
            source_type="nnexp",
            source=json.dumps(source),
            schema=json.dumps(schema(data)),
            profile=json.dumps(profile(data, part)),
        )
        tags = [InputTag("mlflow.data.context", part), InputTag("nnexp.sha256", found["digest"])]
        made.append(DatasetInput(dataset, tags))
    return made


def schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes and types of examples and of what is learnt, as MLflow writes tensors."""
    features = {"type": "tensor", "tensor-spec": {"dtype": data["stored"], "shape": [-1, *data["shape"]]}}
    number = {"classification": ("int64", [-1]), "multilabel": ("bool", [-1, len(data["targets"])])}
    dtype, shape = number.get(data["task"], ("float32", [-1, len(data["targets"])]))
    targets = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}
    return {"mlflow_tensorspec": {"features": json.dumps([features]), "targets": json.dumps([targets])}}


def profile(data: Mapping[str, Any], part: str) -> dict[str, Any]:
    """How many examples, of which classes, and how the part was split off."""
    found = data["splits"][part]
    told: dict[str, Any] = {
        "num_rows": found["examples"],
        "sha256": found["digest"],
        "data_sha256": data["sha256"],
    }
    if found.get("classes"):
        told["class_counts"] = found["classes"]
    if part != "test":
        told |= {f"split_{key}": data["split"][key] for key in SPLIT if data["split"].get(key) is not None}
    return told
