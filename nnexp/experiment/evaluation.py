"""Evaluation of a split: loss, report and predictions."""

from dataclasses import dataclass, field

import numpy as np

from nnexp.data.batches import Batches
from nnexp.experiment.components import Components
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.metric import compute
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.ranking import ThresholdCounts
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.output_activations import log_odds, probabilities
from nnexp.tasks import task_of
from nnexp.training.evaluation import evaluate


@dataclass(frozen=True)
class SplitResult:
    """The evaluation of a split."""

    loss: float  # the mean over its examples
    report: EvaluationReport  # confusion matrix, errors or label scores
    predictions: Predictions = field(repr=False)  # of each example
    names: tuple[str, ...] = ()  # of the classes, targets or labels
    own: dict[str, float] = field(default_factory=dict)  # metrics of one's own

    def metrics(self) -> dict[str, float]:
        """Return loss, score and further metrics: of classes the calibration error, of two also areas."""
        metrics = {"loss": self.loss} | self.report.metrics()
        predictions = self.predictions
        if predictions.confidence is not None and predictions.true.ndim == 1:
            bins = ReliabilityBins.of(*predictions.decisions())
            metrics["ece"] = bins.expected_calibration_error
            for _, truth, score in predictions.binary_scores(self.names):
                if (counts := ThresholdCounts.of(truth, score)) is not None:
                    metrics |= counts.metrics()
        return metrics | self.own


def evaluate_split(components: Components, batches: Batches) -> SplitResult:
    """Evaluate the network on a split."""
    trainer = components.trainer
    evaluation = evaluate(components.network, trainer.loss, trainer.score, batches, keep_outputs=True)
    dataset = components.dataset
    true = batches.labels
    predicted = evaluation.predicted
    confidence = scores = None
    if components.targets is not None:
        predicted = components.targets.restore(predicted)
    else:
        confidence = probabilities(evaluation.outputs, trainer.loss.output_activation)
        if true.ndim == 1:
            confidence = np.take_along_axis(confidence, predicted[:, None], axis=1)[:, 0]
            scores = log_odds(evaluation.outputs, predicted)
        else:
            true = true > 0
            predicted = predicted > 0
            scores = evaluation.outputs.astype(np.float64)
    report = task_of(dataset.task).report(true, predicted, dataset.names)
    source = dataset.source_rows(batches.rows, test=batches is components.test)
    predictions = Predictions(source.index, true, predicted, confidence, scores, source.ids)
    own = compute(components.metrics, predictions)
    return SplitResult(evaluation.loss, report, predictions, dataset.names, own)
