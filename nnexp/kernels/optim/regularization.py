"""Compiled penalties, clipping and max-norm. W weights and dW gradients of matrices; W of one is (I, O)."""

from math import inf, sqrt

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.gradient_norm import sum_of_squares
from nnexp.kernels.optim.vectors import Number
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.regularization import Regularizer


@kernel
def add_penalty(dW: Array, W: Array, l1: Number, l2: Number) -> None:
    """Update dW <- dW + l1 sign(W) + l2 W."""
    for i in range(len(W)):
        dW[i] += l1 * np.sign(W[i]) + l2 * W[i]


@kernel
def clip_values(g: Array, bound: Number) -> None:
    """Clip each value to [-bound, bound]."""
    for i in range(len(g)):
        g[i] = min(max(g[i], -bound), bound)


@kernel
def bound_norms(W: Array, factors: Array, bound: Number) -> None:
    """Scale down the columns whose norm exceeds the bound; factors (O,) holds their squares, then factors."""
    factors[:] = 0
    for i in range(len(W)):
        for j in range(len(factors)):
            factors[j] += W[i, j] * W[i, j]
    bounded = 0
    for j in range(len(factors)):
        bounded += factors[j] <= bound * bound
        factors[j] = bound / max(np.sqrt(factors[j]), bound)
    if bounded < len(factors):
        for i in range(len(W)):
            for j in range(len(factors)):
                W[i, j] *= factors[j]


@twin_of(Regularizer)
class CompiledRegularizer(Regularizer):
    """The regularizer with one pass for both penalties, one to clip values, at most two for norms."""

    def penalize(self) -> None:
        number = self.W.dtype.type
        if self.settings.l1 or self.settings.l2:
            add_penalty(self.dW, self.W, number(self.settings.l1), number(self.settings.l2))

    def clip(self) -> None:
        if (bound := self.settings.clip_value) is not None:
            clip_values(self.g, self.g.dtype.type(bound))
        if (bound := self.settings.clip_norm) is not None:
            norm = sqrt(sum_of_squares(self.g))
            if norm == inf:
                super().clip()
            elif norm > bound:
                self.g *= bound / norm

    def constrain(self) -> None:
        for W, _, factors in self.units:
            bound_norms(W, factors, W.dtype.type(self.settings.max_norm))
