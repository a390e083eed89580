"""What holds weights and gradients back: penalties, clipping, a bound on each unit's weights. In-place lines on vectors.

theta weights, g gradients, both (P,); matrices lie first and are what penalties apply to: biases and scales stay free.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from nnexp.optim.optimizers import Array, Shape

Strength = Annotated[float, Ge(0)]
Bound = Annotated[float, Gt(0)] | None


@dataclass(frozen=True)
class Regularization:
    """The section `regularization`. Decoupled weight decay is the optimizer's own: `optimizer.weight_decay`.

    Attributes:
        l1: adds l1 sum |W| to what is minimised.
        l2: adds l2 / 2 sum W^2, as PyTorch's `weight_decay` does.
        max_norm: no unit's incoming weights are longer than this: Srivastava et al. 2014, section 5.1.
        clip_norm: no step's gradient is longer than this: Pascanu et al. 2013, algorithm 1.
        clip_value: no number of the gradient is larger than this.
    """

    l1: Strength = 0.0
    l2: Strength = 0.0
    max_norm: Bound = None
    clip_norm: Bound = None
    clip_value: Bound = None

    def told(self) -> str:
        """Those that are in force, for a person."""
        named = {
            "l1": self.l1,
            "l2": self.l2,
            "max_norm": self.max_norm,
            "clip_norm": self.clip_norm,
            "clip_value": self.clip_value,
        }
        return ", ".join(f"{name} {value:g}" for name, value in named.items() if value)


class Regularizer:
    """Regularization at work on a network's vectors.

    Args:
        settings: what is in force.
        theta: (P,).
        grad: (P,).
        shapes: of the parameters in the order they lie in, matrices first.
    """

    def __init__(self, settings: Regularization, theta: Array, grad: Array, shapes: Sequence[Shape]) -> None:
        self.settings, self.g = settings, grad
        matrices = [shape for shape in shapes if len(shape) >= 2]
        self.W = theta[: sum(map(prod, matrices))]
        self.dW = grad[: len(self.W)]
        self.scratch: Array = np.empty_like(
            self.W if settings.l1 or settings.l2 or settings.max_norm else self.W[:0]
        )
        self.units: list[
            tuple[Array, Array, Array]
        ] = []  # each matrix (I, O), the length of its columns, its scratch
        start = 0
        for shape in matrices:
            place = slice(start, start + prod(shape))
            start = place.stop
            if settings.max_norm:
                matrix = self.W[place].reshape(-1, shape[-1])
                self.units.append(
                    (matrix, np.empty(shape[-1], theta.dtype), self.scratch[place].reshape(matrix.shape))
                )

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
        """Hold the gradient to its bounds: each number first, then the length."""
        if (bound := self.settings.clip_value) is not None:
            np.clip(self.g, -bound, bound, out=self.g)
        if (bound := self.settings.clip_norm) is not None:
            length = sqrt(np.dot(self.g, self.g))
            if length > bound:
                self.g *= bound / length

    def constrain(self) -> None:
        """Shorten the incoming weights of each unit that are longer than `max_norm`."""
        bound = self.settings.max_norm or 0.0
        for matrix, lengths, scratch in self.units:
            np.multiply(matrix, matrix, out=scratch)
            np.add.reduce(scratch, axis=0, out=lengths)
            np.sqrt(lengths, out=lengths)
            np.maximum(lengths, bound, out=lengths)
            np.divide(bound, lengths, out=lengths)
            np.multiply(matrix, lengths, out=matrix)
