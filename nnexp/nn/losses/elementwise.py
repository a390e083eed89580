"""Losses that compare each output with a target of its own: 1 or 0 for a class, or a number.

B batch, O outputs. Means are over all B O pairs, as in PyTorch.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import sigmoid
from nnexp.nn.losses.loss import Loss, TargetIndex, Targets
from nnexp.nn.output_activations import OutputActivation
from nnexp.nn.parameters import Array
from nnexp.task import TaskName


class Elementwise(Loss):
    """The mean over all outputs of l(z, t): t is onehot(y) if y are classes (B,), else y itself, (B, O)."""

    tasks: ClassVar[tuple[TaskName, ...]] = ("regression",)
    output_activation: ClassVar[OutputActivation] = "identity"

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.t, self.dz, self.scratch = np.empty((3, capacity, outputs), dtype)  # targets, gradients: (B, O)
        self.index = TargetIndex(capacity, outputs)

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        t = self.t[:n]
        if y.ndim == 1:
            t.fill(0)
            np.put(t, self.index(y), 1, mode="clip")
        else:
            np.copyto(t, y)
        return self.compare(z, t, self.dz[:n], self.scratch[:n]) / z.size

    def backward(self) -> Array:
        dz = self.dz[: self.n]
        dz /= dz.size
        return dz

    @abstractmethod
    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        """Return the sum of l(z, t) and write dl/dz into dz; may write over t."""


class MeanSquaredError(Elementwise):
    """l = (z - t)^2; for classes on their one-hot code, as in LeCun et al. 1998."""

    tasks = ("regression", "classification")

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        np.subtract(z, t, out=dz)
        total = float(np.multiply(dz, dz, out=scratch).sum())
        dz *= 2
        return total


class MeanAbsoluteError(Elementwise):
    """l = |z - t|, with derivative 0 at 0."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        np.subtract(z, t, out=scratch)
        np.sign(scratch, out=dz)
        return float(np.abs(scratch, out=scratch).sum())


class Huber(Elementwise):
    """l = r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), r = z - t: Huber 1964."""

    def __init__(self, delta: Annotated[float, Gt(0)] = 1.0) -> None:
        self.delta = delta

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        r = np.subtract(z, t, out=scratch)
        np.clip(r, -self.delta, self.delta, out=dz)  # c; then l = c (r - c / 2)
        np.multiply(dz, -0.5, out=t)
        t += r
        t *= dz
        return float(t.sum())


class BinaryCrossEntropy(Elementwise):
    """l = -t log s - (1 - t) log(1 - s), s = sigmoid(z): a yes or no per class, several may be yes."""

    tasks = ("multilabel", "classification")
    output_activation = "sigmoid"

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        total = -float(np.multiply(z, t, out=scratch).sum())  # l = max(z, 0) - z t + log(1 + exp(-|z|))
        np.abs(z, out=scratch)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        total += float(np.log1p(scratch, out=scratch).sum())
        total += float(np.maximum(z, 0, out=scratch).sum())
        sigmoid(z, dz)
        dz -= t
        return total
