"""Layers that turn images into vectors and back."""

from math import prod
from typing import Annotated

import numpy as np
from annotated_types import MaxLen, MinLen
from numpy.typing import DTypeLike

from nnexp.nn.layer import Buffer, Layer, ShapeError, Size, format_shape
from nnexp.nn.parameters import Array, Shape


class Flatten(Layer):
    """An image (C, H, W) becomes a vector of C H W; a vector remains as it is."""

    def connect(self, inputs: Shape) -> Shape:
        self.passes = len(super().connect(inputs)) == 1
        self.keeps_output = self.passes and not self.in_place
        return (prod(inputs),)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        capacity = 0 if self.passes else capacity
        self.y = Buffer(capacity, (prod(self.input_shape),), dtype)
        self.dx = Buffer(capacity, self.input_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if self.passes:
            return x
        y = self.y(len(x))
        np.copyto(y.reshape(x.shape), x)
        return y

    def backward(self, dy: Array) -> Array:
        if self.passes:
            return dy
        dx = self.dx(len(dy))
        np.copyto(dx, dy.reshape(dx.shape))
        return dx


class Unflatten(Layer):
    """A vector becomes an image (channels, height, width), or (height, width) of a single channel."""

    def __init__(self, shape: Annotated[list[Size], MinLen(2), MaxLen(3)]) -> None:
        self.shape = (1, *shape) if len(shape) == 2 else tuple(shape)

    def connect(self, inputs: Shape) -> Shape:
        if prod(super().connect(inputs)) != prod(self.shape):
            image = " x ".join(map(str, self.shape))
            raise ShapeError(f"{format_shape(inputs)} cannot become images of {image}")
        return self.shape

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y = Buffer(capacity, self.shape, dtype)
        self.dx = Buffer(capacity if self.needs_dx else 0, (prod(self.shape),), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        np.copyto(y, x.reshape(y.shape))
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.dx(len(dy))
        np.copyto(dx.reshape(dy.shape), dy)
        return dx.reshape(len(dy), *self.input_shape)
