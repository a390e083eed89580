"""Maxout: the largest of several linear functions is an activation that is learnt."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.layers.layer import Layer, ShapeError, told
from nnexp.nn.parameters import Array, Shape


class Maxout(Layer):
    """y[o] = max over k of x[k O + o]: Goodfellow et al. 2013, eq. 1; a Dense before it gives all pieces.

    Args:
        pieces: how many numbers each output is the largest of; of equal ones, the first gets the gradient.
    """

    keeps_output = True

    takes = "vectors"

    def __init__(self, pieces: Annotated[int, Ge(2)] = 2) -> None:
        self.pieces = pieces

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) != 1 or inputs[0] % self.pieces:
            raise ShapeError(
                f"Maxout takes vectors whose length {self.pieces} divides and is given {told(inputs)}"
            )
        self.outputs = inputs[0] // self.pieces
        return (self.outputs,)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y: Array = np.empty((capacity, self.outputs), dtype)  # (B, O)
        self.dx: Array = np.empty((capacity, self.pieces * self.outputs), dtype)  # (B, K O)
        self.won, self.open = np.empty((2, capacity, self.outputs), bool)

    def piece(self, x: Array, k: int) -> Array:
        """The k-th number of every output, (B, O)."""
        return x[:, k * self.outputs : (k + 1) * self.outputs]

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x, y = x, self.y[: len(x)]
        np.copyto(y, self.piece(x, 0))
        for k in range(1, self.pieces):
            np.maximum(y, self.piece(x, k), out=y)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        y, dx, won, waiting = self.y[:n], self.dx[:n], self.won[:n], self.open[:n]
        waiting.fill(True)
        for k in range(self.pieces):
            np.equal(self.piece(self.x, k), y, out=won)
            won &= waiting
            waiting ^= won
            np.multiply(dy, won, out=self.piece(dx, k))
        return dx
