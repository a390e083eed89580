"""Artifacts of a run beside its journal: data set, network, weights, reports, predictions."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.atomic_write import write_atomically
from nnexp.config import Settings
from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows
from nnexp.experiment.components import Components
from nnexp.experiment.evaluation import SplitResult
from nnexp.metrics.predictions import Predictions
from nnexp.run_folder import DATASET, ERROR, LAYERS, MISCLASSIFIED, NETWORK, predictions_path, weights_path
from nnexp.serving.model_spec import describe
from nnexp.tasks import task_of
from nnexp.tracking.journal import Journal
from nnexp.training.diagnostics.diagnostics import Diagnostics

MAX_MISCLASSIFIED = 32


def write_dataset(folder: Path, settings: Settings, components: Components) -> None:
    """Write `dataset.json`: sizes, classes, digests, and how the data are split."""
    data = components.dataset
    split = {key: getattr(settings.data, key) for key in ("validation", "folds", "fold", "stratify")}
    description = {
        "name": data.name,
        "sha256": data.sha256,
        "task": data.task,
        "shape": list(data.shape),
        "stored": str(data.x.dtype),
        "classes": list(data.classes),
        "targets": list(data.targets),
        "features": list(data.features),
        "split": {"seed": settings.seed, **split},
        "splits": describe_splits(components),
    }
    write_atomically(folder / DATASET, json.dumps(description, indent=1))


def describe_splits(components: Components) -> dict[str, dict[str, Any]]:
    """Describe the splits that have examples, by name."""
    data = components.dataset
    batches = {"training": components.train, "validation": components.validation, "test": components.test}
    return {name: describe_split(name, one.rows, data) for name, one in batches.items() if one is not None}


def describe_split(name: str, rows: Rows, data: Dataset) -> dict[str, Any]:
    """Describe a split, some rows (N,) of a data set: the number of examples, class counts, and a digest.

    The digest is the SHA-256 of the data's own and of the row numbers: equal digests are equal examples.
    """
    rows = np.sort(rows)
    array = "test" if name == "test" else "training"  # which of a data set's two arrays the rows index
    digest = sha256(f"{data.sha256} {array} ".encode() + rows.astype("<i8").tobytes()).hexdigest()
    y = data.y_test if name == "test" else data.y
    counts = np.bincount(y[rows], minlength=len(data.classes)).tolist() if data.classes else []
    class_counts = dict(zip(data.classes, counts, strict=True)) or None
    return {"examples": len(rows), "digest": digest, "classes": class_counts}


def write_network(folder: Path, settings: Settings, components: Components) -> None:
    """Write `network.json`: what the network is built from again, beside its weights."""
    spec = describe(
        settings.values,
        components.dataset,
        components.network,
        scale=components.train.scale,
        target_scale=components.targets,
        output_activation=settings.loss.output_activation,
        evaluation_batch=settings.model.evaluation_batch,
    )
    write_atomically(folder / NETWORK, spec.to_json())


def write_results(
    journal: Journal,
    dataset: Dataset,
    metrics: Mapping[str, float],
    splits: Mapping[str, SplitResult],
    last: int = 0,
    diagnostics: Diagnostics | None = None,
) -> None:
    """Write reports, predictions and histograms, from which plots are drawn, then log the final metrics.

    `last` is the step of the last evaluation.
    """
    folder = journal.folder
    report_folder = task_of(dataset.task).report_folder
    paths = [weights_path("final"), weights_path("best"), ERROR]
    for name, split in splits.items():
        path = f"{report_folder}/{name}.json"
        write_atomically(folder / path, json.dumps(split.report.to_json()))
        paths.append(path)
        write_predictions(folder, name, split.predictions)
    if "test" in splits:
        write_misclassified(folder, dataset, splits["test"].predictions)
    if diagnostics is not None:
        write_arrays(folder / LAYERS, diagnostics.arrays())
        paths.append(LAYERS)
    journal.log_artifacts(*(path for path in paths if (folder / path).exists()))
    journal.log_results(metrics, last)  # the MLflow UI compares metrics that have only a step 0 as bars


def write_predictions(folder: Path, split: str, predictions: Predictions) -> None:
    """Write `predictions/<split>.npz`."""
    write_arrays(folder / predictions_path(split), predictions.arrays())


def write_misclassified(folder: Path, data: Dataset, predictions: Predictions) -> None:
    """Write the most confidently misclassified test images; nothing where there are none."""
    if len(data.shape) == 1 or not data.classes or predictions.confidence is None:
        return
    worst = predictions.most_confident_mistakes(MAX_MISCLASSIFIED)
    if len(worst):
        images = data.x_test[worst].reshape(-1, *data.shape)
        columns = {name: array[worst] for name, array in predictions.arrays().items()}
        write_arrays(folder / MISCLASSIFIED, {"images": images, "scale": np.array(data.scale)} | columns)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an .npz file that loads with allow_pickle=False."""
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
