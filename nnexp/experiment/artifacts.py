"""The files that a run leaves in its folder beside the journal: what it learnt from, what it is, what it predicts."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.config import Settings
from nnexp.data.batches import Batches
from nnexp.experiment.components import Components
from nnexp.metrics.predictions import Predictions
from nnexp.preprocessing.scaling import Standardization
from nnexp.serving.model_spec import describe

DATASET, NETWORK, LAYERS, MISTAKES = "dataset.json", "network.json", "layers.npz", "mistakes.npz"
MOST_MISTAKES = 32


def write_dataset(folder: Path, settings: Settings, parts: Components) -> None:
    """What the run learns from: sizes, classes, digests, and how it was split; as `dataset.json`."""
    data, source = parts.dataset, settings.data
    split = {key: getattr(source, key) for key in ("validation", "folds", "fold", "stratify")}
    batches = {"training": parts.train, "validation": parts.validation, "test": parts.test}
    described = {
        "name": data.name,
        "sha256": data.sha256,
        "task": data.task,
        "shape": list(data.shape),
        "stored": str(data.x.dtype),
        "classes": list(data.classes),
        "targets": list(data.targets),
        "features": list(data.features),
        "split": {"seed": settings.seed, **split},
        "parts": {name: part(found, name, data.sha256, data.classes) for name, found in batches.items()},
    }
    (folder / DATASET).write_text(json.dumps(described, indent=1))


def part(examples: Batches, name: str, data_sha256: str, classes: tuple[str, ...]) -> dict[str, Any]:
    """One part of the data: how many examples, of which classes, and a digest.

    The digest is the SHA-256 of the data's own and of the numbers of the rows: equal digests are equal examples.
    """
    rows = np.sort(examples.rows)
    kind = "test" if name == "test" else "training"  # which of a data set's two arrays the rows are of
    digest = sha256(f"{data_sha256} {kind} ".encode() + rows.astype("<i8").tobytes()).hexdigest()
    counts = np.bincount(examples.source_y[rows], minlength=len(classes)).tolist() if classes else []
    return {
        "examples": len(rows),
        "digest": digest,
        "classes": dict(zip(classes, counts, strict=True)) or None,
    }


def write_network(folder: Path, settings: Settings, values: Mapping[str, Any], parts: Components) -> None:
    """What the network is, so that it can be built again for its weights; as `network.json`."""
    scaling: float | Standardization = parts.train.scale
    together = settings.model.evaluation_batch
    described = describe(
        dict(values), parts.dataset, scaling, parts.targets, parts.network, settings.loss.link, together
    )
    (folder / NETWORK).write_text(json.dumps(described, indent=1))


def write_predictions(folder: Path, part: str, found: Predictions) -> str:
    """What the network says of each example; as `predictions/<part>.npz`, whose path is returned."""
    path = f"predictions/{part}.npz"
    (folder / path).parent.mkdir(exist_ok=True)
    np.savez(folder / path, allow_pickle=False, **found.arrays())
    return path


def write_mistakes(folder: Path, parts: Components, found: Predictions) -> bool:
    """The images that the network is most sure of and wrong about; as `mistakes.npz`. False where there are none."""
    data = parts.dataset
    if len(data.shape) == 1 or found.confidence is None or data.task != "classification":
        return False
    wrong = np.flatnonzero(found.true != found.predicted)
    worst = wrong[np.argsort(-found.confidence[wrong], kind="stable")][:MOST_MISTAKES]
    if not len(worst):
        return False
    images = data.x_test[found.index[worst]].reshape(-1, *data.shape)
    picked: dict[str, NDArray[Any]] = {name: array[worst] for name, array in found.arrays().items()}
    np.savez(folder / MISTAKES, allow_pickle=False, images=images, scale=np.float64(data.scale), **picked)
    return True
