"""Evaluation of a split: loss, report and predictions."""

from dataclasses import dataclass, field

import numpy as np

from nnexp.config import Settings
from nnexp.data.batches import Batches
from nnexp.experiment.components import Components
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.metric import compute
from nnexp.metrics.metric_info import BEST, OTHER_METRICS
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.ranking import macro_areas
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.output_activations import log_odds, probabilities
from nnexp.tasks import task_of
from nnexp.training.evaluation import Evaluation, FurtherMetrics, evaluate


@dataclass(frozen=True)
class SplitResult:
    """The evaluation of a split."""

    loss: float  # the mean over its examples
    report: EvaluationReport  # confusion matrix, errors or label scores
    predictions: Predictions = field(repr=False)  # of each example
    names: tuple[str, ...] = ()  # of the classes, targets or labels
    own: dict[str, float] = field(default_factory=dict)  # metrics of one's own

    def metrics(self) -> dict[str, float]:
        """Return all metrics that the split defines; one of one's own replaces that of the same name."""
        metrics = {"loss": self.loss} | self.report.metrics()
        predictions = self.predictions
        if predictions.confidence is not None and predictions.true.ndim == 1:
            bins = ReliabilityBins.of(*predictions.decisions())
            metrics["ece"] = bins.expected_calibration_error
        scores = predictions.binary_scores(self.names)
        areas = macro_areas((truth, score) for _, truth, score in scores)
        return metrics | areas | self.own


def evaluate_split(components: Components, batches: Batches) -> SplitResult:
    """Evaluate the network on a split."""
    trainer = components.trainer
    evaluation = evaluate(components.network, trainer.loss, trainer.score, batches, keep_outputs=True)
    return report_on(evaluation, components, batches)


def report_on(evaluation: Evaluation, components: Components, batches: Batches) -> SplitResult:
    """Report on the evaluation of a split; its outputs were kept."""
    trainer = components.trainer
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


def further_metrics(settings: Settings, components: Components) -> FurtherMetrics | None:
    """Return what computes the metrics of each epoch beside loss and score; None: there are none.

    They are those of one's own, the monitored one and those that a sweep optimizes.
    """
    validation = components.validation
    named = {settings.trainer.monitor, *(name.removeprefix(BEST) for name in settings.objectives)}
    names = {*components.metrics, *(named & {*OTHER_METRICS})}
    if validation is None or not names:
        return None

    def compute(evaluation: Evaluation) -> dict[str, float]:
        metrics = report_on(evaluation, components, validation).metrics()
        return {name: value for name, value in metrics.items() if name in names}

    return compute
