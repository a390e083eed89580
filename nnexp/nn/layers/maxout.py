"""Maxout: a learned activation, the largest of several linear functions."""

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge

from nnexp.nn.layer import ShapeError
from nnexp.nn.layers.pooling import Maximum
from nnexp.nn.parameters import Array, Shape


class Maxout(Maximum):
    """y[o] = max over k of x[k O + o]: Goodfellow et al. 2013, eq. 1; a Dense before it computes x."""

    takes = "vectors"

    def __init__(self, pieces: Annotated[int, Ge(2)] = 2) -> None:
        self.pieces = pieces

    def connect(self, inputs: Shape) -> Shape:
        (units,) = super().connect(inputs)
        if units % self.pieces:
            raise ShapeError(f"expected vectors whose length {self.pieces} divides, got {units}")
        self.outputs = units // self.pieces
        self.output_shape = (self.outputs,)
        return self.output_shape

    def corners(self, x: Array) -> Iterator[Array]:
        for k in range(self.pieces):
            yield x[:, k * self.outputs : (k + 1) * self.outputs]
