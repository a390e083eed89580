"""Compiled running metrics. B batch, O outputs."""

from typing import Any

from numpy.typing import NDArray

from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.metrics.running import Accuracy, Array, Targets


@kernel
def count_correct(z: Array, y: NDArray[Any], predicted: NDArray[Any]) -> int:
    """Write the class of the largest output, the first of equal ones; count those that are right."""
    correct = 0
    for i in range(len(z)):
        k = 0
        for j in range(1, z.shape[1]):
            if z[i, j] > z[i, k]:
                k = j
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
