"""The evaluation of a network on batches of examples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.metrics.running import RunningMetric
from nnexp.nn.losses.loss import Loss
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.training.record import Totals

Targets = NDArray[Any]


@dataclass(frozen=True)
class Evaluation:
    """The result on some examples."""

    loss: float  # the mean
    score: float  # accuracy or R2
    predicted: Targets  # of each example: the class (N,), the labels (N, L) or the scaled targets (N, T)
    outputs: Array  # (N, O) if they are kept, else empty


FurtherMetrics = Callable[[Evaluation], dict[str, float]]
"""Computes metrics by name from an evaluation whose outputs are kept."""


def evaluate(
    network: Network, loss: Loss, score: RunningMetric, batches: Batches, keep_outputs: bool = False
) -> Evaluation:
    """Evaluate a network on one pass of batches; its weights and state stay as they are."""
    totals = Totals()
    predicted: list[Targets] = []
    outputs = [np.empty((0, *network.outputs), network.dtype)]
    score.reset()
    for x, y in batches:
        z = network.forward(x)
        if keep_outputs:
            outputs.append(z.copy())
        batch_loss = loss.forward(z, y)
        totals.add_batch(batch_loss, loss.weight(y), len(y))
        predicted.append(score.update(z, y).copy())
    result = Evaluation(totals.mean_loss, score.value, np.concatenate(predicted), np.concatenate(outputs))
    score.reset()  # training goes on with it
    return result
