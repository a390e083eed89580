"""What must be known of a trained network beside its weights, as plain JSON: its layers, what goes in, what comes out."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.nn.network import Network
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import ink_of

if TYPE_CHECKING:
    from nnexp.data.dataset import Dataset
    from nnexp.preprocessing.scaling import Standardization, TargetScale

FORMAT = 1
KEYS = (
    "model",
    "inputs",
    "shape",
    "outputs",
    "dtype",
    "stored",
    "task",
    "classes",
    "targets",
    "link",
    "scale",
    "restore",
    "columns",
    "evaluation_batch",
)


def describe(
    values: dict[str, Any],
    dataset: "Dataset",
    scaling: "float | Standardization",
    targets: "TargetScale | None",
    network: Network,
    link: str,
    evaluation_batch: int,
) -> dict[str, Any]:
    """Everything that `Predictor` builds a network from, but for the weights.

    Args:
        values: the configuration, plain and resolved.
        dataset: what was learnt from.
        scaling: what brings stored numbers to the network.
        targets: how a regression's targets were standardised.
        network: whose layers `values` describe.
        link: of the loss: softmax, sigmoid or identity.
        evaluation_batch: the examples that pass at a time; other batches may give other last bits.
    """
    answer = values.get("data", {}).get("target") if dataset.columns else None
    ink = ink_of(dataset.x, dataset.shape)
    standardized = not isinstance(scaling, float | int)
    return {
        "format": FORMAT,
        "name": dataset.name,
        "model": values["model"],
        "plugins": list(values.get("plugins") or []),
        "inputs": list(network.inputs),
        "shape": list(dataset.shape),
        "outputs": network.outputs[0],
        "dtype": str(network.dtype),
        "stored": str(dataset.x.dtype),
        "task": dataset.task,
        "classes": list(dataset.classes),
        "targets": list(dataset.targets),
        "link": link,
        "scale": scaling.to_json()  # type: ignore[union-attr]
        if standardized
        else scaling,
        "restore": None if targets is None else targets.to_json(),
        "columns": [column.to_json() for column in dataset.columns] or None,
        "answer": list(dataset.targets) or ([answer] if isinstance(answer, str) else answer)
        if dataset.columns
        else None,
        "ink": asdict(ink) if ink else None,
        "evaluation_batch": evaluation_batch,
    }


def read(path: Path) -> dict[str, Any]:
    """A description from its file.

    Raises:
        PredictorError: it is none, or one of a later nnexp.
    """
    try:
        description = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise PredictorError(f"{path}: cannot be read as the description of a network: {error}") from error
    if not isinstance(description, dict) or not isinstance(description.get("format"), int):
        raise PredictorError(f"{path}: not the description of a network; a run writes one as network.json")
    if description["format"] > FORMAT:
        raise PredictorError(
            f"{path}: written by a later nnexp, in format {description['format']}; update nnexp, this one knows {FORMAT}"
        )
    if absent := [key for key in KEYS if key not in description]:
        raise PredictorError(
            f"{path}: damaged, it lacks {', '.join(absent)}; take the run's own network.json"
        )
    return description
