"""Evaluation of a split: loss, report and predictions."""

from dataclasses import dataclass

import numpy as np

from nnexp.data.batches import Batches
from nnexp.experiment.components import Components
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.output_activations import probabilities
from nnexp.tasks import task_of
from nnexp.training.evaluation import evaluate


@dataclass(frozen=True)
class SplitResult:
    """The evaluation of a split."""

    loss: float  # the mean over its examples
    report: EvaluationReport  # confusion matrix, errors or label scores
    predictions: Predictions  # of each example

    def metrics(self) -> dict[str, float]:
        """Return loss, score and further metrics; of classes also the calibration error (ECE)."""
        metrics = {"loss": self.loss} | self.report.metrics()
        predictions = self.predictions
        if predictions.confidence is not None and predictions.true.ndim == 1:
            correct = predictions.true == predictions.predicted
            metrics["ece"] = ReliabilityBins.of(predictions.confidence, correct).expected_calibration_error
        return metrics


def evaluate_split(components: Components, batches: Batches) -> SplitResult:
    """Evaluate the network on a split."""
    trainer = components.trainer
    evaluation = evaluate(components.network, trainer.loss, trainer.score, batches, keep_outputs=True)
    dataset = components.dataset
    true = batches.labels
    predicted = evaluation.predicted
    confidence = None
    if components.targets is not None:
        predicted = components.targets.restore(predicted)
    else:
        confidence = probabilities(evaluation.outputs, trainer.loss.output_activation)
        if true.ndim == 1:
            confidence = np.take_along_axis(confidence, predicted[:, None], axis=1)[:, 0]
        else:
            true = true > 0
            predicted = predicted > 0
    report = task_of(dataset.task).report(true, predicted, dataset.classes or dataset.targets)
    return SplitResult(evaluation.loss, report, Predictions(batches.rows.copy(), true, predicted, confidence))
