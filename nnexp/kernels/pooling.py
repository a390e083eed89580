"""Compiled pooling and maxout.

B batch, C channels, H height, W width, K kernel; HH, WW height and width of the output. Images lie pixel by
pixel, (C, H, W, B): the inner loops run along the batch.
"""

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.convolution import pixels
from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.layer import pixels_first
from nnexp.nn.layers.pooling import AvgPool2d, GlobalAvgPool2d, Maxout, MaxPool2d
from nnexp.nn.parameters import Array

Places = NDArray[np.uint8]
MOST_PLACES = 256  # that a byte counts


@kernel
def largest(x: Array, y: Array, place: Places, rows: int, columns: int, stride: int) -> None:
    """Write the largest number of each window, and its place, the first one of equal numbers."""
    C, HH, WW, B = y.shape
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


@kernel
def route(dy: Array, place: Places, dx: Array, rows: int, columns: int, stride: int, covers: bool) -> None:
    """Write each gradient to the place of the largest number; where windows overlap, add it to dx."""
    C, HH, WW, B = dy.shape
    for c in range(C):
        for h in range(HH):
            for w in range(WW):
                for k in range(rows * columns):
                    i, j = h * stride + k // columns, w * stride + k % columns
                    if covers:
                        for b in range(B):
                            dx[c, i, j, b] = dy[c, h, w, b] if place[c, h, w, b] == k else 0
                    else:
                        for b in range(B):
                            dx[c, i, j, b] += dy[c, h, w, b] if place[c, h, w, b] == k else 0


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

    def places(self, n: int) -> Places:
        return pixels_first(self.largest(n)).view(np.uint8)

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        if self.kernel**2 > MOST_PLACES:
            return super().forward(x, training)
        y = self.y(n)
        largest(pixels(x), pixels(y), self.places(n), self.kernel, self.kernel, self.stride)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        if self.kernel**2 > MOST_PLACES:
            return super().backward(dy)
        dx = self.empty_dx(n)
        K = self.kernel
        route(pixels(dy), self.places(n), pixels(dx), K, K, self.stride, self.covers)
        return dx


@twin_of(Maxout)
class CompiledMaxout(Maxout):
    """Maxout as pooling: an example is a channel, a piece a row, and the units lie along the batch."""

    def pieces_of(self, x: Array) -> Array:
        """Return x as images (B, pieces, 1, O) of one window each."""
        return np.ascontiguousarray(x).reshape(len(x), -1, 1, self.outputs)

    def forward(self, x: Array, training: bool = False) -> Array:
        if self.pieces > MOST_PLACES:
            return super().forward(x, training)
        y = self.y(len(x))
        places = self.pieces_of(self.largest(len(x))).view(np.uint8)
        largest(self.pieces_of(x), self.pieces_of(y), places, self.pieces, 1, 1)
        return y

    def backward(self, dy: Array) -> Array:
        if self.pieces > MOST_PLACES:
            return super().backward(dy)
        dx = self.dx(len(dy))
        places = self.pieces_of(self.largest(len(dy))).view(np.uint8)
        route(self.pieces_of(dy), places, self.pieces_of(dx), self.pieces, 1, 1, True)
        return dx


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
