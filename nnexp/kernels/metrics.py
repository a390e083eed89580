"""Compiled running metrics. B batch, O outputs, L labels, T targets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.metrics.running import R2, Accuracy, Array, LabelAccuracy, Sums, Targets


@kernel
def count_correct(z: Array, y: NDArray[Any], predicted: NDArray[Any]) -> int:
    """Write the class of the largest output, the first of equal ones; count those that are right."""
    correct = 0
    for i in range(len(z)):
        k = 0
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            is_larger = z[i, j] > largest
            largest = z[i, j] if is_larger else largest
            k = j if is_larger else k
        predicted[i] = k
        correct += k == y[i]
    return correct


@twin_of(Accuracy)
class CompiledAccuracy(Accuracy):
    """Accuracy in one pass over the outputs."""

    def update(self, z: Array, y: Targets) -> Targets:
        predicted = self.predicted[: len(y)]
        self.correct += int(count_correct(z, y, predicted))
        self.examples += len(y)
        return predicted


@kernel
def count_matches(z: Array, y: Array, predicted: NDArray[np.bool_]) -> int:
    """Write where outputs are above 0, (B, L); count where labels above 1/2 agree."""
    matches = 0
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            predicted[i, j] = z[i, j] > 0
            matches += predicted[i, j] == (y[i, j] > 0.5)
    return matches


@twin_of(LabelAccuracy)
class CompiledLabelAccuracy(LabelAccuracy):
    """Label accuracy in one pass over the outputs."""

    def update(self, z: Array, y: Targets) -> Targets:
        predicted = self.predicted[: len(y)]
        self.correct += int(count_matches(z, y, predicted))
        self.labels += predicted.size
        return predicted


@kernel
def add_squares(z: Array, y: Array, sums: Sums) -> None:
    """Add (z - y)^2, y and y^2 over the batch to the sums of each target, (3, T)."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            error = np.float64(z[i, j] - y[i, j])
            target = np.float64(y[i, j])
            sums[0, j] += error * error
            sums[1, j] += target
            sums[2, j] += target * target


@twin_of(R2)
class CompiledR2(R2):
    """R2 from sums of one pass over outputs and targets."""

    def update(self, z: Array, y: Targets) -> Targets:
        add_squares(z, y, self.sums)
        self.examples += len(y)
        return z
