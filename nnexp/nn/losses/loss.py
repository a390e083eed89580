"""The abstract loss: one number for a batch, and its gradient in the network's outputs.

B batch, O outputs. A loss keeps from `forward` what `backward` needs, in buffers that `allocate` made once.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.output_activations import OutputActivation
from nnexp.nn.parameters import Array
from nnexp.task import TaskName

Targets = NDArray[Any]


class Loss(ABC):
    """The mean loss over a batch of outputs z (B, O) and targets y: classes (B,), or numbers (B, O)."""

    tasks: ClassVar[tuple[TaskName, ...]] = ("classification",)
    output_activation: ClassVar[OutputActivation] = "softmax"  # what makes probabilities of outputs

    @abstractmethod
    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    def set_class_counts(self, counts: NDArray[np.int64]) -> None:
        """Set the number of training examples of each class, (C,); raise a ValueError if C does not fit."""

    @abstractmethod
    def forward(self, z: Array, y: Targets) -> float:
        """Compute the mean loss of the batch."""

    def weight(self, y: Targets) -> float:
        """Return the weight of the last batch, of targets y, in a mean over batches."""
        return len(y)

    @abstractmethod
    def backward(self) -> Array:
        """Compute the gradient of that mean in z, (B, O); valid until the next `forward`."""


class TargetIndex:
    """The position of each example's class in a flattened array (B, O)."""

    def __init__(self, capacity: int, outputs: int) -> None:
        self.starts = np.arange(capacity) * outputs
        self.index = np.empty(capacity, np.int64)

    def __call__(self, y: Targets) -> NDArray[np.int64]:
        return np.add(self.starts[: len(y)], y, out=self.index[: len(y)])
