"""Losses of classification: softmax cross-entropy, focal, multi-class hinge. B batch, O outputs (classes)."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt, MinLen
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.losses.loss import Loss, TargetIndex, Targets
from nnexp.nn.parameters import Array

Smoothing = Annotated[float, Ge(0), Lt(1)]
ClassWeights = Annotated[list[Annotated[float, Gt(0)]], MinLen(2)] | Literal["balanced"] | None
"""A weight per class; "balanced": N / (C count) for each class, as in scikit-learn."""


class SoftmaxCrossEntropy(Loss):
    """L = -mean log p[y], p = softmax(z); dL/dz = (p - onehot(y)) / B.

    The logarithm is that of the sum of exponentials, not of a probability: no error costs an infinite loss.
    With label smoothing e the target is 1 - e + e / C at y, else e / C: Szegedy et al. 2016, section 7. With
    class weights the mean is a weighted one, as in PyTorch.
    """

    def __init__(self, label_smoothing: Smoothing = 0.0, class_weights: ClassWeights = None) -> None:
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        self.plain = not label_smoothing and class_weights is None
        self.w: Array | None = np.array(class_weights) if isinstance(class_weights, list) else None  # (C,)

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.p: Array = np.empty((capacity, outputs), dtype)  # (B, O)
        self.row: Array = np.empty((capacity, 1), dtype)  # the largest z, then log of the sum of exponentials
        self.at_y: Array = np.empty(capacity, dtype)  # the value at the target of each example
        self.index = TargetIndex(capacity, outputs)
        if not self.plain:
            self.w = np.ones(outputs, dtype) if self.w is None else self.w.astype(dtype)
            self.of_y: Array = np.empty(capacity, dtype)  # the weight of each example's class
            self.rest: Array = np.empty((capacity, outputs), dtype)

    def set_class_counts(self, counts: NDArray[np.int64]) -> None:
        if self.class_weights == "balanced":
            self.w = counts.sum() / (len(counts) * np.maximum(counts, 1))
        elif self.w is not None and len(self.w) != len(counts):
            raise ValueError(f"class_weights: {len(self.w)} weights for {len(counts)} classes")

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        p, row, at_y = self.p[:n], self.row[:n], self.at_y[:n]
        self.target = self.index(y)
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=p)
        np.take(p, self.target, out=at_y, mode="clip")
        if not self.plain:
            np.copyto(self.rest[:n], p)
        np.exp(p, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        np.divide(p, row, out=p)
        np.log(row, out=row)
        if self.plain:
            return float((row.sum() - at_y.sum()) / n)
        return self.weighted_forward(y)

    def weight(self, y: Targets) -> float:
        return len(y) if self.plain else self.total

    def weighted_forward(self, y: Targets) -> float:
        """Compute (sum of (1 - e) w[y] q[y] + e / C sum of w[k] q[k]) / sum of w[y] with q = -log p."""
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
        if not self.plain:
            return self.weighted_backward()
        p, at_y = self.p[: self.n], self.at_y[: self.n]
        np.take(p, self.target, out=at_y, mode="clip")
        at_y -= 1
        np.put(p, self.target, at_y, mode="clip")
        p /= self.n
        return p

    def weighted_backward(self) -> Array:
        """Compute ((1 - e) w[y] (p - onehot) + e / C (p sum(w) - w)) / sum of w[y]."""
        n, e, w = self.n, self.label_smoothing, self.w
        assert w is not None
        p, at_y, weight = self.p[:n], self.at_y[:n], self.of_y[:n]
        each = e / len(w)
        np.multiply(weight, 1 - e, out=at_y)
        at_y += each * float(w.sum())
        p *= at_y[:, None]
        p -= each * w
        np.take(p, self.target, out=at_y, mode="clip")
        weight *= 1 - e
        at_y -= weight
        np.put(p, self.target, at_y, mode="clip")
        p /= self.total
        return p


class Focal(Loss):
    """L = -mean (1 - p[y])^gamma log p[y], p = softmax(z): Lin et al. 2017, eq. 4; easy ones weigh less."""

    def __init__(self, gamma: Annotated[float, Ge(0)] = 2.0) -> None:
        self.gamma = gamma

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.p: Array = np.empty((capacity, outputs), dtype)  # (B, O)
        self.row: Array = np.empty((capacity, 1), dtype)
        self.log, self.miss, self.dlog = np.empty((3, capacity), dtype)  # log p[y], 1 - p[y], dL/dlog p[y]
        self.index = TargetIndex(capacity, outputs)

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        p, row, log, miss = self.p[:n], self.row[:n], self.log[:n], self.miss[:n]
        self.target = self.index(y)
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=p)
        np.take(p, self.target, out=log, mode="clip")
        np.exp(p, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        p /= row
        log -= np.log(row, out=row)[:, 0]
        np.negative(np.expm1(log, out=miss), out=miss)
        return -float(np.dot(np.power(miss, self.gamma, out=self.dlog[:n]), log)) / n

    def backward(self) -> Array:
        """Compute (onehot - p) (gamma m^(gamma - 1) p[y] log p[y] - m^gamma) / B with m = 1 - p[y]."""
        n = self.n
        p, log, miss, dlog = self.p[:n], self.log[:n], self.miss[:n], self.dlog[:n]
        if self.gamma:
            np.maximum(miss, np.finfo(p.dtype).tiny, out=miss)
            np.power(miss, self.gamma - 1, out=dlog)
            log *= self.gamma
            miss -= 1  # -p[y]
            log *= miss  # -gamma p log p
            miss += 1
            log += miss
            dlog *= log  # m^(gamma - 1) (m - gamma p log p)
        else:
            dlog.fill(1)
        np.take(p, self.target, out=miss, mode="clip")
        miss -= 1
        np.put(p, self.target, miss, mode="clip")
        dlog /= n
        p *= dlog[:, None]
        return p


class Hinge(Loss):
    """L = mean of sum over j != y of max(0, margin - z[y] + z[j])^power / C: Weston & Watkins 1999.

    Outputs are margins, not probabilities: softmax merely maps them to [0, 1] in the same order.
    """

    def __init__(self, margin: Annotated[float, Gt(0)] = 1.0, power: Literal[1, 2] = 1) -> None:
        self.margin = margin
        self.power = power

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.excess, self.dz = np.empty((2, capacity, outputs), dtype)  # (B, O)
        self.at_y: Array = np.empty(capacity, dtype)
        self.index = TargetIndex(capacity, outputs)

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        excess, at_y, dz = self.excess[:n], self.at_y[:n], self.dz[:n]
        self.target = self.index(y)
        np.copyto(excess, z)
        np.take(excess, self.target, out=at_y, mode="clip")
        at_y -= self.margin
        excess -= at_y[:, None]
        np.maximum(excess, 0, out=excess)
        np.put(excess, self.target, 0, mode="clip")
        if self.power == 1:
            np.greater(excess, 0, out=dz)
            return float(excess.sum()) / excess.size
        np.multiply(excess, 2, out=dz)
        return float(np.multiply(excess, excess, out=excess).sum()) / excess.size

    def backward(self) -> Array:
        at_y, dz = self.at_y[: self.n], self.dz[: self.n]
        np.add.reduce(dz, axis=1, out=at_y)
        np.put(dz, self.target, np.negative(at_y, out=at_y), mode="clip")
        dz /= dz.size
        return dz
