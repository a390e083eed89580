"""Losses of classification beside cross-entropy: one that attends to hard examples, one that wants a margin.

B batch, O outputs (classes).
"""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import DTypeLike

from nnexp.nn.losses.loss import Loss, Targets
from nnexp.nn.parameters import Array


class Focal(Loss):
    """L = -mean (1 - p[y])^gamma log p[y], p = softmax(z): Lin et al. 2017, eq. 4; easy examples weigh less.

    Args:
        gamma: 0 is cross-entropy.
    """

    def __init__(self, gamma: Annotated[float, Ge(0)] = 2.0) -> None:
        self.gamma = gamma

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.p: Array = np.empty((capacity, outputs), dtype)  # (B, O)
        self.row: Array = np.empty((capacity, 1), dtype)
        self.log, self.miss, self.pull = np.empty((3, capacity), dtype)  # log p[y], 1 - p[y], dL/dlog p[y]
        self.starts = np.arange(capacity) * outputs
        self.target = np.empty(capacity, np.int64)

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        p, row, log, miss, target = self.p[:n], self.row[:n], self.log[:n], self.miss[:n], self.target[:n]
        np.maximum.reduce(z, axis=1, keepdims=True, out=row)
        np.subtract(z, row, out=p)
        np.add(self.starts[:n], y, out=target)
        np.take(p, target, out=log, mode="clip")
        np.exp(p, out=p)
        np.add.reduce(p, axis=1, keepdims=True, out=row)
        p /= row
        log -= np.log(row, out=row)[:, 0]
        np.negative(np.expm1(log, out=miss), out=miss)
        return -float(np.dot(np.power(miss, self.gamma, out=self.pull[:n]), log)) / n

    def backward(self) -> Array:
        """With m = 1 - p[y]: dL/dlog p[y] = -m^gamma + gamma m^(gamma - 1) p[y] log p[y], times onehot - p, over B."""
        n = self.n
        p, log, miss, pull, target = self.p[:n], self.log[:n], self.miss[:n], self.pull[:n], self.target[:n]
        if self.gamma:
            np.maximum(miss, np.finfo(p.dtype).tiny, out=miss)
            np.power(miss, self.gamma - 1, out=pull)
            log *= self.gamma
            miss -= 1  # -p[y]
            log *= miss  # -gamma p log p
            miss += 1
            log += miss
            pull *= log  # m^(gamma - 1) (m - gamma p log p)
        else:
            pull.fill(1)
        np.take(p, target, out=miss, mode="clip")
        miss -= 1
        np.put(p, target, miss, mode="clip")
        pull /= n
        p *= pull[:, None]
        return p


class Hinge(Loss):
    """L = sum over j != y of max(0, margin - z[y] + z[j])^power, over C and averaged: Weston & Watkins 1999, in PyTorch's form.

    It knows margins and no probabilities: softmax gives its outputs an order between 0 and 1, and no more than that.

    Args:
        margin: how far ahead the right class must be.
        power: 1, or 2 for the squared hinge.
    """

    def __init__(self, margin: Annotated[float, Gt(0)] = 1.0, power: Literal[1, 2] = 1) -> None:
        self.margin, self.power = margin, power

    def allocate(self, capacity: int, outputs: int, dtype: DTypeLike) -> None:
        self.excess, self.dz = np.empty((2, capacity, outputs), dtype)  # (B, O)
        self.at_y: Array = np.empty(capacity, dtype)
        self.starts = np.arange(capacity) * outputs
        self.target = np.empty(capacity, np.int64)

    def forward(self, z: Array, y: Targets) -> float:
        n = self.n = len(z)
        excess, at_y, target, dz = self.excess[:n], self.at_y[:n], self.target[:n], self.dz[:n]
        np.add(self.starts[:n], y, out=target)
        np.copyto(excess, z)
        np.take(excess, target, out=at_y, mode="clip")
        at_y -= self.margin
        excess -= at_y[:, None]
        np.maximum(excess, 0, out=excess)
        np.put(excess, target, 0, mode="clip")
        if self.power == 1:
            np.greater(excess, 0, out=dz)
            return float(excess.sum()) / excess.size
        np.multiply(excess, 2, out=dz)
        return float(np.multiply(excess, excess, out=excess).sum()) / excess.size

    def backward(self) -> Array:
        n = self.n
        at_y, target, dz = self.at_y[:n], self.target[:n], self.dz[:n]
        np.add.reduce(dz, axis=1, out=at_y)
        np.put(dz, target, np.negative(at_y, out=at_y), mode="clip")
        dz /= dz.size
        return dz
