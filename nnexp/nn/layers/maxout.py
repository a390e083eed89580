"""Maxout: a learned activation, the largest of several linear functions."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.buffer import Buffer
from nnexp.nn.layer import Layer, ShapeError
from nnexp.nn.parameters import Array, Shape


class Maxout(Layer):
    """y[o] = max over k of x[k O + o]: Goodfellow et al. 2013, eq. 1; a Dense before it computes all pieces.

    Args:
        pieces: the numbers that each output is the largest of; of equal ones, the first gets the gradient.
    """

    keeps_output = True
    takes = "vectors"

    def __init__(self, pieces: Annotated[int, Ge(2)] = 2) -> None:
        self.pieces = pieces

    def connect(self, inputs: Shape) -> Shape:
        (units,) = super().connect(inputs)
        if units % self.pieces:
            raise ShapeError(f"expected vectors whose length {self.pieces} divides, got {units}")
        self.outputs = units // self.pieces
        return (self.outputs,)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        shape = (self.outputs,)
        self.y = Buffer(capacity, shape, dtype)
        self.dx = Buffer(capacity, self.input_shape, dtype)
        self.largest = Buffer(capacity, shape, bool)
        self.waiting = Buffer(capacity, shape, bool)  # outputs whose largest number is still to come

    def piece(self, x: Array, k: int) -> Array:
        """Return the k-th number of every output, (B, O)."""
        return x[:, k * self.outputs : (k + 1) * self.outputs]

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x = x
        y = self.y(len(x))
        np.copyto(y, self.piece(x, 0))
        for k in range(1, self.pieces):
            np.maximum(y, self.piece(x, k), out=y)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        y, dx, largest, waiting = self.y(n), self.dx(n), self.largest(n), self.waiting(n)
        waiting.fill(True)
        for k in range(self.pieces):
            np.equal(self.piece(self.x, k), y, out=largest)
            largest &= waiting
            waiting ^= largest
            np.multiply(dy, largest, out=self.piece(dx, k))
        return dx
