"""Weight penalties, gradient clipping and max-norm constraint: in-place lines on vectors.

theta weights, g gradients, both (P,); W the weights of matrices, (M,): biases and scales are not penalized.
"""

from dataclasses import asdict, dataclass
from math import inf, sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from nnexp.nn.parameters import Array, Parameters

Strength = Annotated[float, Ge(0)]
Bound = Annotated[float, Gt(0)] | None


@dataclass(frozen=True)
class Regularization:
    """The section `regularization`. Decoupled weight decay is the optimizer's: `optimizer.weight_decay`."""

    l1: Strength = 0.0  # adds l1 sum |W| to the loss
    l2: Strength = 0.0  # adds l2 / 2 sum W^2 to the loss, as PyTorch's `weight_decay` does
    max_norm: Bound = None  # the largest norm of a unit's weights: Srivastava et al. 2014, section 5.1
    clip_norm: Bound = None  # the largest norm of a step's gradient: Pascanu et al. 2013, algorithm 1
    clip_value: Bound = None  # the largest absolute value in a step's gradient

    def describe(self) -> str:
        """Format the settings that are not off."""
        return ", ".join(f"{name} {value:g}" for name, value in asdict(self).items() if value)


class Regularizer:
    """Applies a regularization to a network's parameters."""

    def __init__(self, settings: Regularization, parameters: Parameters) -> None:
        self.settings = settings
        self.g = parameters.grad
        self.W = parameters.theta[parameters.matrix_slice]
        self.dW = parameters.grad[parameters.matrix_slice]
        needs_scratch = settings.l1 or settings.l2 or settings.max_norm
        self.scratch: Array = np.empty_like(self.W if needs_scratch else self.W[:0])
        self.units: list[
            tuple[Array, Array, Array]
        ] = []  # each matrix (I, O), its scratch, its column norms (O,)
        if settings.max_norm:
            for W, scratch in zip(
                parameters.matrices(self.W), parameters.matrices(self.scratch), strict=True
            ):
                self.units.append((W, scratch, np.empty(W.shape[1], W.dtype)))

    def penalize(self) -> None:
        """Add the penalties' gradient: l1 sign(W) + l2 W."""
        if self.settings.l1:
            np.sign(self.W, out=self.scratch)
            self.scratch *= self.settings.l1
            self.dW += self.scratch
        if self.settings.l2:
            np.multiply(self.W, self.settings.l2, out=self.scratch)
            self.dW += self.scratch

    def clip(self) -> None:
        """Clip the gradient: each value first, then the norm."""
        if (bound := self.settings.clip_value) is not None:
            np.clip(self.g, -bound, bound, out=self.g)
        if (bound := self.settings.clip_norm) is not None:
            norm = sqrt(np.dot(self.g, self.g))
            if norm == inf:  # of finite values, whose squares overflow
                self.g /= np.abs(self.g).max()
                norm = sqrt(np.dot(self.g, self.g))
            if norm > bound:
                self.g *= bound / norm

    def constrain(self) -> None:
        """Scale down the incoming weights of each unit whose norm exceeds `max_norm`."""
        bound = self.settings.max_norm or 0.0
        for W, scratch, norms in self.units:
            np.multiply(W, W, out=scratch)
            np.add.reduce(scratch, axis=0, out=norms)
            np.sqrt(norms, out=norms)
            np.maximum(norms, bound, out=norms)
            np.divide(bound, norms, out=norms)
            np.multiply(W, norms, out=W)
