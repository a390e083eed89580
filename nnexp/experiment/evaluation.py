"""Evaluation of a split: loss, report and predictions."""

from dataclasses import dataclass

import numpy as np

from nnexp.data.batches import Batches
from nnexp.experiment.components import Components
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.output_activations import probabilities
from nnexp.tasks import task_of
from nnexp.training.trainer import evaluate


@dataclass(frozen=True)
class SplitResult:
    """The evaluation of a split.

    Attributes:
        loss: the mean over its examples.
        report: confusion matrix, errors or label scores.
        predictions: of each example.
    """

    loss: float
    report: EvaluationReport
    predictions: Predictions


def evaluate_split(components: Components, batches: Batches) -> SplitResult:
    """Evaluate the network on a split."""
    found = evaluate(
        components.network, components.trainer.loss, components.trainer.score, batches, keep_outputs=True
    )
    dataset, task = components.dataset, task_of(components.dataset.task)
    index, true, predicted = batches.rows.copy(), batches.labels, found.predicted
    confidence = None
    if components.targets is not None:
        predicted = components.targets.restore(predicted)
    else:
        confidence = probabilities(found.outputs, components.trainer.loss.link)
        if true.ndim == 1:
            confidence = np.take_along_axis(confidence, predicted[:, None], axis=1)[:, 0]
        else:
            true, predicted = true > 0, predicted > 0
    report = task.report(true, predicted, dataset.classes or dataset.targets)
    return SplitResult(found.loss, report, Predictions(index, true, predicted, confidence))
