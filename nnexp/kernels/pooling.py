"""Compiled pooling and maxout.

B batch, C channels, H height, W width, K kernel; HH, WW height and width of the output. Images lie pixel by
pixel, (C, H, W, B): the inner loops run along the batch.
"""

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.convolution import pixels
from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.layer import pixels_first
from nnexp.nn.layers.pooling import AvgPool2d, GlobalAvgPool2d, Maxout, MaxPool2d
from nnexp.nn.parameters import Array

Places = NDArray[np.uint8]
Window = tuple[int, int, int]  # rows, columns, stride
MOST_PLACES = 256  # that a byte counts


@kernel
def largest(x: Array, y: Array, place: Places, window: Window, least: float) -> None:
    """Write the largest number of each window, or `least` if none is larger, and the first place of it."""
    C, HH, WW, B = y.shape
    rows, columns, stride = window
    bound = y.dtype.type(least)
    for c in range(C):
        for h in range(HH):
            for w in range(WW):
                for b in range(B):
                    y[c, h, w, b] = x[c, h * stride, w * stride, b]
                    place[c, h, w, b] = 0
                for k in range(1, rows * columns):
                    i, j = h * stride + k // columns, w * stride + k % columns
                    for b in range(B):
                        value, best = x[c, i, j, b], y[c, h, w, b]
                        stays = value <= best or np.isnan(best)  # a NaN is larger than any number
                        y[c, h, w, b] = best if stays else value
                        place[c, h, w, b] = place[c, h, w, b] if stays else k
                for b in range(B):
                    y[c, h, w, b] = bound if y[c, h, w, b] <= bound else y[c, h, w, b]


@kernel
def route(dy: Array, y: Array, place: Places, dx: Array, window: Window, least: float, covers: bool) -> None:
    """Add to dx, or write if windows cover it, each gradient whose y is above `least` at its place."""
    C, HH, WW, B = dy.shape
    rows, columns, stride = window
    bound = dy.dtype.type(least)
    for c in range(C):
        for h in range(HH):
            for w in range(WW):
                for k in range(rows * columns):
                    i, j = h * stride + k // columns, w * stride + k % columns
                    for b in range(B):
                        is_here = place[c, h, w, b] == k and not y[c, h, w, b] <= bound
                        gradient = dy[c, h, w, b] if is_here else 0
                        dx[c, i, j, b] = gradient if covers else dx[c, i, j, b] + gradient


@kernel
def average(x: Array, y: Array, K: int, stride: int) -> None:
    """Write the mean of each window of K x K pixels."""
    C, HH, WW, B = y.shape
    factor = y.dtype.type(1 / K**2)
    for c in range(C):
        for h in range(HH):
            for w in range(WW):
                for b in range(B):
                    y[c, h, w, b] = x[c, h * stride, w * stride, b] * factor
                for k in range(1, K * K):
                    i, j = h * stride + k // K, w * stride + k % K
                    for b in range(B):
                        y[c, h, w, b] += x[c, i, j, b] * factor


@kernel
def spread(dy: Array, dx: Array, K: int, stride: int) -> None:
    """Write the gradient of each window's mean to its pixels; where windows overlap, their sum."""
    C, HH, WW, B = dy.shape
    factor = dy.dtype.type(1 / K**2)
    dx[:] = 0
    for c in range(C):
        for h in range(HH):
            for w in range(WW):
                for k in range(K * K):
                    i, j = h * stride + k // K, w * stride + k % K
                    for b in range(B):
                        dx[c, i, j, b] += dy[c, h, w, b] * factor


@kernel
def average_channels(x: Array, y: Array) -> None:
    """Write the mean of each channel, y (B, C), of x (C, H, W, B)."""
    C, H, W, B = x.shape
    factor = y.dtype.type(1 / (H * W))
    sums = np.empty(B, y.dtype)
    for c in range(C):
        sums[:] = 0
        for h in range(H):
            for w in range(W):
                for b in range(B):
                    sums[b] += x[c, h, w, b]
        for b in range(B):
            y[b, c] = sums[b] * factor


@kernel
def spread_channels(dy: Array, dx: Array) -> None:
    """Write the gradient of each channel's mean, dy (B, C), to its pixels, dx (C, H, W, B)."""
    C, H, W, B = dx.shape
    factor = dx.dtype.type(1 / (H * W))
    share = np.empty(B, dx.dtype)
    for c in range(C):
        for b in range(B):
            share[b] = dy[b, c] * factor
        for h in range(H):
            for w in range(W):
                for b in range(B):
                    dx[c, h, w, b] = share[b]


@twin_of(MaxPool2d)
class CompiledMaxPool2d(MaxPool2d):
    """Maximum pooling; the buffer of masks keeps the place of each window's largest pixel."""

    @property
    def has_places(self) -> bool:
        """Whether a byte can be the place of a pixel in its window."""
        return self.kernel**2 <= MOST_PLACES

    def forward(self, x: Array, training: bool = False, least: float = nan) -> Array:
        """Compute the largest pixel of each window, or `least` where none is larger."""
        if not self.has_places:
            return super().forward(x, training)
        y = self.y(len(x))
        largest(pixels(x), pixels(y), self.places(len(x)), (self.kernel, self.kernel, self.stride), least)
        return y

    def backward(self, dy: Array, least: float = nan) -> Array:
        n = len(dy)
        if not self.has_places:
            return super().backward(dy)
        dx = self.empty_dx(n)
        y, window = self.y(n), (self.kernel, self.kernel, self.stride)
        route(pixels(dy), pixels(y), self.places(n), pixels(dx), window, least, self.covers)
        return dx

    def places(self, n: int) -> Places:
        return pixels_first(self.largest(n)).view(np.uint8)


@twin_of(Maxout)
class CompiledMaxout(Maxout):
    """Maxout as pooling: an example is a channel, a piece a row, and the units lie along the batch."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if self.pieces > MOST_PLACES:
            return super().forward(x, training)
        y = self.y(len(x))
        largest(self.rows(x), self.rows(y), self.places(len(x)), (self.pieces, 1, 1), nan)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        if self.pieces > MOST_PLACES:
            return super().backward(dy)
        dx = self.dx(n)
        y, window = self.rows(self.y(n)), (self.pieces, 1, 1)
        route(self.rows(dy), y, self.places(n), self.rows(dx), window, nan, True)
        return dx

    def rows(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return x as images (B, pieces, 1, O) of one window each."""
        return np.ascontiguousarray(x).reshape(len(x), -1, 1, self.outputs)

    def places(self, n: int) -> Places:
        return self.rows(self.largest(n)).view(np.uint8)


@dataclass(eq=False)
class RectifiedMaxPool2d:
    """A ReLU and the maximum pooling behind it: the larger of 0 and the largest pixel of each window."""

    pool: CompiledMaxPool2d

    def forward(self, x: Array, training: bool = False) -> Array:
        return self.pool.forward(x, training, least=0.0)

    def backward(self, dy: Array) -> Array:
        return self.pool.backward(dy, least=0.0)


@twin_of(AvgPool2d)
class CompiledAvgPool2d(AvgPool2d):
    """Average pooling along the batch."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        average(pixels(x), pixels(y), self.kernel, self.stride)
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.dx(len(dy))
        spread(pixels(dy), pixels(dx), self.kernel, self.stride)
        return dx


@twin_of(GlobalAvgPool2d)
class CompiledGlobalAvgPool2d(GlobalAvgPool2d):
    """The mean of each channel in one pass."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        average_channels(pixels(x), y)
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.dx(len(dy))
        spread_channels(np.ascontiguousarray(dy), pixels(dx))
        return dx
