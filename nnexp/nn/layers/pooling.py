"""Layers that make images smaller, and those that turn vectors into images and back.

B batch, C channels, H height, W width, K kernel; HH, WW height and width of the output.
"""

from abc import abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import MaxLen, MinLen
from numpy.typing import DTypeLike

from nnexp.nn.layers.convolution import Size, image_shape, windows
from nnexp.nn.layers.layer import Layer, ShapeError, arranged, told
from nnexp.nn.parameters import Array, Shape


class Pool2d(Layer):
    """One number for each window of each channel.

    Args:
        kernel: K, height and width of a window.
        stride: pixels from one window to the next; None is the kernel.
    """

    takes = "images"

    def __init__(self, kernel: Size = 2, stride: Size | None = None) -> None:
        self.kernel, self.stride = kernel, stride or kernel

    def connect(self, inputs: Shape) -> Shape:
        name = type(self).__name__
        self.input_shape = image_shape(inputs, name)
        height, width = (windows(size, self.kernel, self.stride, name) for size in self.input_shape[1:])
        self.output_shape = (self.input_shape[0], height, width)
        sides = self.stride * height, self.stride * width
        self.covers = (
            self.stride == self.kernel and self.input_shape[1:] == sides
        )  # every pixel lies in one window
        return self.output_shape

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        size = capacity * prod(self.output_shape)
        self.y: Array = np.empty(size, dtype)
        self.dx: Array = np.empty(capacity * prod(self.input_shape), dtype)

    def corners(self, x: Array) -> Iterator[Array]:
        """The pixel at each place of all windows, (B, C, HH, WW), place after place."""
        s, (_, height, width) = self.stride, self.output_shape
        for i in range(self.kernel):
            for j in range(self.kernel):
                yield x[:, :, i : i + s * height : s, j : j + s * width : s]

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array: ...


class MaxPool2d(Pool2d):
    """The largest pixel of each window; of equal ones, the first gets the gradient."""

    keeps_output = True

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        size = capacity * prod(self.output_shape)
        self.won, self.open = np.empty((2, size), bool)
        self.share: Array = np.empty(size, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = arranged(self.y, len(x), self.output_shape)
        first, *others = self.corners(x)
        np.copyto(y, first)
        for pixels in others:
            np.maximum(y, pixels, out=y)
        self.x = x
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        won, waiting, share, y = (
            arranged(flat, n, self.output_shape) for flat in (self.won, self.open, self.share, self.y)
        )
        dx = arranged(self.dx, n, self.input_shape)
        if not self.covers:
            dx.fill(0)
        waiting.fill(True)  # windows whose largest pixel is still to come
        for pixels, gradient in zip(self.corners(self.x), self.corners(dx), strict=True):
            np.equal(pixels, y, out=won)
            won &= waiting
            waiting ^= won
            if self.covers:
                np.multiply(dy, won, out=gradient)
            else:
                np.multiply(dy, won, out=share)
                np.add(gradient, share, out=gradient)
        return dx


class AvgPool2d(Pool2d):
    """The mean of each window."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = arranged(self.y, len(x), self.output_shape)
        y.fill(0)
        for pixels in self.corners(x):
            y += pixels
        y *= 1 / self.kernel**2
        return y

    def backward(self, dy: Array) -> Array:
        dx = arranged(self.dx, len(dy), self.input_shape)
        dy *= 1 / self.kernel**2
        if not self.covers:
            dx.fill(0)
        for gradient in self.corners(dx):
            if self.covers:
                np.copyto(gradient, dy)
            else:
                np.add(gradient, dy, out=gradient)
        return dx


class GlobalAvgPool2d(Layer):
    """The mean of each channel, (B, C): Lin et al. 2014, "Network In Network"."""

    takes = "images"

    def connect(self, inputs: Shape) -> Shape:
        self.input_shape = image_shape(inputs, "GlobalAvgPool2d")
        return (self.input_shape[0],)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y: Array = np.empty((capacity, self.input_shape[0]), dtype)
        self.dx: Array = np.empty(capacity * prod(self.input_shape), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.mean(x, axis=(2, 3), out=self.y[: len(x)])

    def backward(self, dy: Array) -> Array:
        dx = arranged(self.dx, len(dy), self.input_shape)
        dy *= 1 / prod(self.input_shape[1:])
        np.copyto(dx, dy[:, :, None, None])
        return dx


class Flatten(Layer):
    """An image (C, H, W) becomes a vector of C H W."""

    @property
    def keeps_output(self) -> bool:  # type: ignore[override]
        """A vector passes as it is."""
        return len(self.shape) == 1 and not self.in_place

    def connect(self, inputs: Shape) -> Shape:
        self.shape = inputs
        return (prod(inputs),)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        size = 0 if len(self.shape) == 1 else capacity * prod(self.shape)
        self.y: Array = np.empty(size, dtype)
        self.dx: Array = np.empty(size, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if len(self.shape) == 1:
            return x
        y = self.y[: x.size].reshape(x.shape)
        np.copyto(y, x)
        return y.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        if len(self.shape) == 1:
            return dy
        dx = arranged(self.dx, len(dy), self.shape)
        np.copyto(dx, dy.reshape(len(dy), *self.shape))
        return dx


class Unflatten(Layer):
    """A vector becomes an image.

    Args:
        shape: (channels, height, width), or (height, width) of a single channel.
    """

    def __init__(self, shape: Annotated[list[Size], MinLen(2), MaxLen(3)]) -> None:
        self.shape = (1, *shape) if len(shape) == 2 else tuple(shape)

    def connect(self, inputs: Shape) -> Shape:
        if prod(inputs) != prod(self.shape):
            raise ShapeError(f"Unflatten: {told(inputs)} make no image of {' x '.join(map(str, self.shape))}")
        self.inputs = inputs
        return self.shape

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y: Array = np.empty(capacity * prod(self.shape), dtype)
        self.dx: Array = np.empty(capacity * prod(self.shape) if self.needs_dx else 0, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = arranged(self.y, len(x), self.shape)
        np.copyto(y, x.reshape(len(x), *self.shape))
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.dx[: dy.size].reshape(len(dy), *self.shape)
        np.copyto(dx, dy)
        return dx.reshape(len(dy), *self.inputs)
