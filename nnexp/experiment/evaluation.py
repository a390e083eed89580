"""Evaluation of a split: loss, report and predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from nnexp.config import Settings
from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows
from nnexp.experiment.components import Components
from nnexp.metrics.calibration import ReliabilityBins
from nnexp.metrics.metric import Metric, compute
from nnexp.metrics.metric_info import BEST, OTHER_METRICS
from nnexp.metrics.predictions import Predictions
from nnexp.metrics.ranking import macro_areas
from nnexp.metrics.reports import EvaluationReport
from nnexp.nn.output_activations import Doubles, log_odds, probabilities
from nnexp.tasks import task_of
from nnexp.training.evaluation import Evaluation, FurtherMetrics, Targets, evaluate


@dataclass(frozen=True)
class SplitResult:
    """The evaluation of a split."""

    loss: float | None  # the mean over its examples; None: it has none
    report: EvaluationReport  # confusion matrix, errors or label scores
    predictions: Predictions = field(repr=False)  # of each example
    names: tuple[str, ...] = ()  # of the classes, targets or labels
    own: dict[str, float] = field(default_factory=dict)  # metrics of one's own

    def metrics(self) -> dict[str, float]:
        """Return all metrics that the split defines; one of one's own replaces that of the same name."""
        metrics = ({} if self.loss is None else {"loss": self.loss}) | self.report.metrics()
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
    predicted = evaluation.predicted
    confidence = scores = None
    if components.targets is not None:
        predicted = components.targets.restore(predicted)
    else:
        confidence = probabilities(evaluation.outputs, components.trainer.loss.output_activation)
        if predicted.ndim == 1:
            confidence = np.take_along_axis(confidence, predicted[:, None], axis=1)[:, 0]
            scores = log_odds(evaluation.outputs, predicted)
        else:
            predicted = predicted > 0
            scores = evaluation.outputs.astype(np.float64)
    return split_result(
        components.dataset,
        batches.rows,
        predicted,
        confidence,
        scores,
        test=batches is components.test,
        loss=evaluation.loss,
        metrics=components.metrics,
    )


def split_result(
    dataset: Dataset,
    rows: Rows,
    predicted: Targets,
    confidence: Doubles | None,
    scores: Doubles | None,
    *,
    test: bool,
    loss: float | None,
    metrics: Mapping[str, Metric],
) -> SplitResult:
    """Report on the predictions for rows (N,) of a data set.

    Args:
        dataset: holds the true values.
        rows: of its test examples, or of the others.
        predicted: classes (N,), labels (N, L), or numbers in their own units (N, T).
        confidence: of the predicted class (N,), or of each label (N, L); None in a regression.
        scores: their log-odds.
        test: whether the rows are of the test examples.
        loss: the mean over the examples; None: there is none.
        metrics: of one's own, by name.
    """
    true = (dataset.y_test if test else dataset.y)[rows]
    true = true > 0 if dataset.labels else true
    report = task_of(dataset.task).report(true, predicted, dataset.names)
    source = dataset.source_rows(rows, test=test)
    predictions = Predictions(source.index, true, predicted, confidence, scores, source.ids)
    return SplitResult(loss, report, predictions, dataset.names, compute(metrics, predictions))


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
