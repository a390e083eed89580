"""What a loss is, and softmax cross-entropy: one number for a batch, and its gradient in the network's output.

B batch, O outputs (classes). A loss keeps from `forward` what `backward` needs, in buffers that `allocate` made once.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt, MinLen
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.output_activations import Link
from nnexp.nn.parameters import Array

Targets = NDArray[Any]
Task = Literal["classification", "multilabel", "regression"]
Weights = Annotated[list[Annotated[float, Gt(0)]], MinLen(2)] | Literal["balanced"] | None
"""A weight per class; "balanced" weighs each class by N / (C count), as scikit-learn does."""


class Loss(ABC):
    """The mean loss over a batch of outputs z (B, O) and targets y: classes (B,), or numbers (B, O)."""

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    link: ClassVar[Link] = "softmax"  # what makes probabilities of outputs

    @abstractmethod
    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    def count(self, counts: NDArray[np.int64]) -> None:
        """Learn how many training examples there are of each class, (C,); a `ValueError` says what does not fit them."""

    @abstractmethod
    def forward(self, z: Array, y: Targets) -> float:
        """The mean loss of the batch."""

    def weight(self, y: Targets) -> float:
        """How much the mean over the last batch, of targets y, counts beside those of other batches."""
        return len(y)

    @abstractmethod
    def backward(self) -> Array:
        """The gradient of that mean in z, (B, O); valid until the next `forward`."""


class SoftmaxCrossEntropy(Loss):
    """L = -mean log p[y], p = softmax(z); dL/dz = (p - onehot(y)) / B.

    The logarithm is taken of the sum of exponentials, never of a probability, so a certain mistake costs a finite loss.

    Args:
        label_smoothing: e; the target is then 1 - e + e / C at y and e / C elsewhere: Szegedy et al. 2016, section 7.
        class_weights: a weight per class, or "balanced"; the mean is then a weighted one, as in PyTorch.
    """

    def __init__(
        self, label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0, class_weights: Weights = None
    ) -> None:
        self.label_smoothing, self.class_weights = label_smoothing, class_weights
        self.w: Array | None = (
            None if class_weights in (None, "balanced") else np.array(class_weights)
        )  # (C,)

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.p: Array = np.empty((capacity, outputs), dtype)  # (B, O)
        self.row: Array = np.empty(
            (capacity, 1), dtype
        )  # a number per example: the largest z, then the sum of exponentials
        self.at_y: Array = np.empty(capacity, dtype)  # what stands at the target of each example
        self.starts = np.arange(capacity) * outputs  # where each row of p begins
        self.target = np.empty(capacity, np.int64)  # where each row's target lies in p, flat
        self.plain = not self.label_smoothing and self.class_weights is None
        if not self.plain:
            self.w = np.ones(outputs, dtype) if self.w is None else self.w.astype(dtype)
            self.of_y: Array = np.empty(capacity, dtype)  # of each example's class
            self.rest: Array = np.empty((capacity, outputs), dtype)

    def count(self, counts: NDArray[np.int64]) -> None:
        if self.class_weights == "balanced":
            self.w = counts.sum() / (len(counts) * np.maximum(counts, 1))
        elif self.w is not None and len(self.w) != len(counts):
            raise ValueError(f"class_weights: {len(self.w)} weights for {len(counts)} classes")

    def forward(self, z: Array, y: Targets) -> float:
        n = len(z)
        p, row, at_y, target = self.p[:n], self.row[:n], self.at_y[:n], self.target[:n]
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=p)
        np.add(self.starts[:n], y, out=target)
        np.take(p, target, out=at_y, mode="clip")
        if not self.plain:
            np.copyto(self.rest[:n], p)
        np.exp(p, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        np.divide(p, row, out=p)
        np.log(row, out=row)
        self.n = n
        if self.plain:
            return float((row.sum() - at_y.sum()) / n)
        return self.weighed(y)

    def weight(self, y: Targets) -> float:
        return len(y) if self.plain else self.total

    def weighed(self, y: Targets) -> float:
        """With w the class weights and q = -log p: (sum of (1 - e) w[y] q[y] + e / C sum over k of w[k] q[k]) / sum of w[y]."""
        n, e, w = self.n, self.label_smoothing, self.w
        assert w is not None
        row, at_y, weight, rest = self.row[:n], self.at_y[:n], self.of_y[:n], self.rest[:n]
        np.take(w, y, out=weight, mode="clip")
        self.total = float(weight.sum())
        np.subtract(row[:, 0], at_y, out=at_y)  # q[y]
        np.subtract(row, rest, out=rest)  # q
        hard = float(np.dot(weight, at_y))
        np.matmul(rest, w, out=at_y)
        return ((1 - e) * hard + e / len(w) * float(at_y.sum())) / self.total

    def backward(self) -> Array:
        n = self.n
        p, at_y, target = self.p[:n], self.at_y[:n], self.target[:n]
        if not self.plain:
            return self.weighed_backward()
        np.take(p, target, out=at_y, mode="clip")
        at_y -= 1
        np.put(p, target, at_y, mode="clip")
        p /= n
        return p

    def weighed_backward(self) -> Array:
        """((1 - e) w[y] (p - onehot) + e / C (p sum(w) - w)) / sum of w[y]."""
        n, e, w = self.n, self.label_smoothing, self.w
        assert w is not None
        p, at_y, target, weight = self.p[:n], self.at_y[:n], self.target[:n], self.of_y[:n]
        each = e / len(w)
        np.multiply(weight, 1 - e, out=at_y)
        at_y += each * float(w.sum())
        p *= at_y[:, None]
        p -= each * w
        np.take(p, target, out=at_y, mode="clip")
        weight *= 1 - e
        at_y -= weight
        np.put(p, target, at_y, mode="clip")
        p /= self.total
        return p
