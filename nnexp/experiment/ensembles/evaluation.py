"""The evaluation of an ensemble and of each of its members on the splits that all of them share.

N examples, O outputs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.data.dataset import Dataset
from nnexp.data.splitting import Rows
from nnexp.experiment.ensembles.selection import EnsembleError
from nnexp.experiment.evaluation import SplitResult, split_result
from nnexp.metrics.metric import Metric
from nnexp.nn.output_activations import Doubles, all_log_odds
from nnexp.nn.parameters import Array
from nnexp.serving.ensemble import Ensemble
from nnexp.serving.predictor import Predictor

ROUNDING = 1e-3  # of a score


def evaluate_ensemble(
    ensemble: Ensemble,
    dataset: Dataset,
    rows: Rows,
    *,
    test: bool,
    metrics: Mapping[str, Metric],
    check: Callable[[], None] = lambda: None,
) -> tuple[SplitResult, list[float]]:
    """Evaluate an ensemble on a split; returns also the score of each member there.

    Args:
        ensemble: of networks that were trained on this data set.
        dataset: holds the examples as they are stored.
        rows: of its test examples, or of the others.
        test: whether the rows are of the test examples.
        metrics: of one's own, by name.
        check: is called before each member's turn, and raises where the evaluation is to end.

    Raises:
        EnsembleError: the outputs of a member are not finite.
    """
    x, y = (dataset.x_test, dataset.y_test) if test else (dataset.x, dataset.y)
    true = y[rows] > 0 if dataset.labels else y[rows]
    task = ensemble.task
    scores: list[float] = []

    def outputs_of_members() -> Iterator[Array]:
        for number, member in enumerate(ensemble.members, 1):
            check()
            z = outputs_on(member, x, y, rows)
            if not np.isfinite(z).all():
                raise EnsembleError(f"member {number}: its outputs are not finite; fix: leave it out")
            scores.append(task.report(true, task.predicted(z), dataset.names).metrics()[task.score])
            yield z

    z = ensemble.average(outputs_of_members())
    predicted = task.predicted(z)
    confidence = ensemble.probabilities(z)
    loss = log_odds = None
    if confidence is not None:
        log_odds = all_log_odds(z, ensemble.spec.output_activation)
        loss = log_loss(log_odds, true)
        if true.ndim == 1:
            confidence, log_odds = of_classes(confidence, predicted), of_classes(log_odds, predicted)
    result = split_result(
        dataset, rows, predicted, confidence, log_odds, test=test, loss=loss, metrics=metrics
    )
    return result, scores


def outputs_on(member: Predictor, x: NDArray[Any], y: NDArray[Any], rows: Rows) -> Array:
    """Compute a network's outputs (N, O) for rows of stored examples x, as in its own evaluation.

    In a regression they are in the targets' own units, in float64.
    """
    spec = member.spec
    network = member.network
    batches = Batches(x, y, rows, spec.evaluation_batch, scale=spec.scale, dtype=network.dtype)
    z = np.concatenate([network.forward(inputs).copy() for inputs, _ in batches])
    return z if spec.target_scale is None else spec.target_scale.restore(z)


def log_loss(log_odds: Array, true: NDArray[Any]) -> float:
    """Compute the mean of -log of the probability of the true class (N,), or of each true or false label."""
    if true.ndim == 1:
        return float(np.logaddexp(0, -of_classes(log_odds, true)).mean())
    return float(np.logaddexp(0, np.where(true, -log_odds, log_odds)).mean())


def of_classes(values: Array, classes: NDArray[np.int64]) -> Doubles:
    """Return the value of one class for each example, (N, C) -> (N,)."""
    return np.take_along_axis(values.astype(np.float64), classes[:, None], axis=1)[:, 0]


def recorded_differently(recorded: Sequence[float | None], computed: Sequence[float]) -> Iterator[int]:
    """Yield the numbers, from 1, of members whose recorded score is another than the computed one.

    Other processors round differently: an example whose two best classes are level may change.
    """
    for number, (one, other) in enumerate(zip(recorded, computed, strict=True), 1):
        if one is not None and abs(one - other) > ROUNDING:
            yield number
