"""What a network makes of some examples, read off its outputs in every way that is kept: while it learns, and at the end."""

import re

import numpy as np

from nnexp.assembly import Parts
from nnexp.config import Settings
from nnexp.data.batches import Batches
from nnexp.nn.links import probabilities
from nnexp.tracking.journal import Journal
from nnexp.training.metrics import Confusion, Fit, Judgement, Labelled
from nnexp.training.predictions import Predictions
from nnexp.training.trainer import Record, evaluate

MOST_RECALLS = 50  # classes beyond which their recalls are in the reports only: too many columns slow the MLflow UI down


def watch(record: Record, settings: Settings, parts: Parts, journal: Journal) -> dict[str, float]:
    """The recall of each class of the validation set; at some epochs the confusion matrix is kept too."""
    classes = parts.dataset.classes
    if not classes or record.predicted is None:
        return {}
    found = Confusion.of(parts.validation.labels, record.predicted, classes)
    every, last = settings.tracking.images, settings.trainer.epochs
    if record.epoch == last or (record.epoch % every == 0 if every else record.epoch.bit_count() == 1):
        journal.confusion(record.at, found.matrix.tolist())
    if len(classes) > MOST_RECALLS:
        return {}
    return {f"recall/{name}": float(recall) for name, recall in zip(map(metric_name, classes), found.recall, strict=True)}


def inspect(parts: Parts, examples: Batches) -> tuple[float, Judgement, Predictions]:
    """What the network makes of some examples: the loss, what is read off its predictions, and these."""
    found = evaluate(parts.network, parts.trainer.loss, parts.trainer.score, examples, keep_outputs=True)
    dataset, rows = parts.dataset, examples.rows.copy()
    if dataset.task == "regression":
        assert parts.targets is not None
        restored = parts.targets.restore(found.predicted)
        return found.loss, Fit(examples.labels, restored, dataset.targets), Predictions(rows, examples.labels, restored)
    likely = probabilities(found.outputs, parts.trainer.loss.link)
    if dataset.task == "multilabel":
        true, called = examples.labels > 0, found.predicted > 0
        return found.loss, Labelled(true, called, dataset.targets), Predictions(rows, true, called, likely)
    sure = np.take_along_axis(likely, found.predicted[:, None], axis=1)[:, 0]
    judged = Confusion.of(examples.labels, found.predicted, dataset.classes)
    return found.loss, judged, Predictions(rows, examples.labels, found.predicted, sure)


def metric_name(text: str) -> str:
    """A class's name with no characters that MLflow does not take in a metric's name."""
    return re.sub(r"[^\w\-. :]", "_", text)
