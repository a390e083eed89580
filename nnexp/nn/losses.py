"""Losses: one number for a batch, and its gradient in the network's output.

B batch, O outputs (classes). A loss keeps from `forward` what `backward` needs, in buffers that `allocate` made once.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.parameters import Array

Labels = NDArray[np.int64]


class Loss(ABC):
    """The mean loss over a batch of outputs z (B, O) and targets y (B,)."""

    @abstractmethod
    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    @abstractmethod
    def forward(self, z: Array, y: Labels) -> float:
        """The mean loss of the batch."""

    @abstractmethod
    def backward(self) -> Array:
        """The gradient of that mean in z, (B, O); valid until the next `forward`."""


class SoftmaxCrossEntropy(Loss):
    """L = -mean log p[y], p = softmax(z); dL/dz = (p - onehot(y)) / B.

    The logarithm is taken of the sum of exponentials, never of a probability, so a certain mistake costs a finite loss.
    """

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.p: Array = np.empty((capacity, outputs), dtype)  # (B, O)
        self.row: Array = np.empty((capacity, 1), dtype)  # a number per example: the largest z, then the sum of exponentials
        self.at_y: Array = np.empty(capacity, dtype)  # what stands at the target of each example
        self.starts = np.arange(capacity) * outputs  # where each row of p begins
        self.target = np.empty(capacity, np.int64)  # where each row's target lies in p, flat

    def forward(self, z: Array, y: Labels) -> float:
        n = len(z)
        p, row, at_y, target = self.p[:n], self.row[:n], self.at_y[:n], self.target[:n]
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=p)
        np.add(self.starts[:n], y, out=target)
        np.take(p, target, out=at_y, mode="clip")
        np.exp(p, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        np.divide(p, row, out=p)
        loss = (np.log(row, out=row).sum() - at_y.sum()) / n
        self.n = n
        return float(loss)

    def backward(self) -> Array:
        n = self.n
        p, at_y, target = self.p[:n], self.at_y[:n], self.target[:n]
        np.take(p, target, out=at_y, mode="clip")
        at_y -= 1
        np.put(p, target, at_y, mode="clip")
        p /= n
        return p
