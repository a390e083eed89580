"""Pooling: layers that summarize windows of images, and maxout, which summarizes groups of units.

B batch, C channels, H height, W width, K kernel; HH, WW height and width of the output.
"""

from abc import abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.layer import Buffer, Layer, ShapeError, Size
from nnexp.nn.layers.convolution import count_windows
from nnexp.nn.parameters import Array, Shape


class Pooling(Layer):
    """One number for each of several windows that `corners` takes apart."""

    covers = True  # whether every number lies in exactly one window
    output_shape: Shape

    @abstractmethod
    def corners(self, x: Array) -> Iterator[Array]:
        """Yield the number at each place of all windows, (B, *output_shape), place after place."""

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y = Buffer(capacity, self.output_shape, dtype)
        self.dx = Buffer(capacity, self.input_shape, dtype)

    def empty_dx(self, n: int) -> Array:
        """Return the buffer of dx: zeros, unless every number of it will be written once."""
        dx = self.dx(n)
        if not self.covers:
            dx.fill(0)
        return dx


class Maximum(Pooling):
    """The largest number of each window; of equal ones, the first gets the gradient."""

    keeps_output = True

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.largest = Buffer(capacity, self.output_shape, bool)
        self.waiting = Buffer(capacity, self.output_shape, bool)  # windows whose largest is still to come
        self.share = Buffer(capacity, self.output_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x = x
        y = self.y(len(x))
        first, *others = self.corners(x)
        np.copyto(y, first)
        for numbers in others:
            np.maximum(y, numbers, out=y)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        y, dx, share = self.y(n), self.empty_dx(n), self.share(n)
        largest, waiting = self.largest(n), self.waiting(n)
        waiting.fill(True)
        for numbers, gradient in zip(self.corners(self.x), self.corners(dx), strict=True):
            np.equal(numbers, y, out=largest)
            largest &= waiting
            waiting ^= largest
            if self.covers:
                np.multiply(dy, largest, out=gradient)
            else:
                np.multiply(dy, largest, out=share)
                np.add(gradient, share, out=gradient)
        return dx


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


class Pool2d(Pooling):
    """One number for each window, of K x K pixels, of each channel; the default stride is the kernel."""

    takes = "images"

    def __init__(self, kernel: Size = 2, stride: Size | None = None) -> None:
        self.kernel = kernel
        self.stride = stride or kernel

    def connect(self, inputs: Shape) -> Shape:
        channels, *sides = super().connect(inputs)
        windows = [count_windows(side, self.kernel, self.stride) for side in sides]
        self.covers = self.stride == self.kernel and sides == [self.stride * count for count in windows]
        self.output_shape = (channels, *windows)
        return self.output_shape

    def corners(self, x: Array) -> Iterator[Array]:
        s, (_, height, width) = self.stride, self.output_shape
        for i in range(self.kernel):
            for j in range(self.kernel):
                yield x[:, :, i : i + s * height : s, j : j + s * width : s]


class MaxPool2d(Maximum, Pool2d):
    """The largest pixel of each window."""


class AvgPool2d(Pool2d):
    """The mean of each window."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        y.fill(0)
        for pixels in self.corners(x):
            y += pixels
        y *= 1 / self.kernel**2
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.empty_dx(len(dy))
        dy *= 1 / self.kernel**2
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
        return super().connect(inputs)[:1]

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y = Buffer(capacity, self.input_shape[:1], dtype)
        self.dx = Buffer(capacity, self.input_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.mean(x, axis=(2, 3), out=self.y(len(x)))

    def backward(self, dy: Array) -> Array:
        dx = self.dx(len(dy))
        dy *= 1 / prod(self.input_shape[1:])
        np.copyto(dx, dy[:, :, None, None])
        return dx
