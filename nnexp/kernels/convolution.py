"""Compiled convolution without a matrix of windows: its loops run along pixels.

B batch, C channels, H height, W width, O outputs, K kernel; HH, WW height and width of the output; T = C K K
the taps of a filter. Images lie pixel by pixel, (C, H, W, B): what one tap reads for a row of windows is one
run of numbers; at a stride above 1, for one window.
"""

from collections.abc import Callable
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nnexp.kernels.blocks import (
    DEPTH,
    TILE,
    add_dots,
    add_products,
    blocks,
    new_tile,
    starts,
    tap_starts,
    total,
    write_sum,
)
from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.layer import pixels_first
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.parameters import Array
from nnexp.optim.blocks import run_in_order

MOST_CHUNKS = 4
CHUNK = 1e6  # products of numbers in a chunk, at least: some 20 us
Rows = tuple[int, int]  # the first one, and the one behind the last


@kernel
def correlate(x: Array, W: Array, b: Array, y: Array, K: int, stride: int, rows: Rows) -> None:
    """Compute some rows of y (O, HH, WW, B) from x (C, H, W, B), W (T, O) and b, (O,) or empty."""
    C, H, width, B = x.shape
    outputs, HH, WW, _ = y.shape
    pixels, out = x.reshape(-1), y.reshape(-1)
    weights = blocks(W)
    taps = tap_starts(C, K, H * width * B, width * B, B)
    tile = new_tile(x)
    runs = 1 if stride == 1 else WW
    length = WW * B // runs
    for h in range(rows[0], rows[1]):
        for r in range(runs):
            for start in range(0, length, TILE):
                n = min(TILE, length - start)
                at = (h * stride * width + r * stride) * B + start
                to = (h * WW + r) * B + start
                for o in range(0, outputs, 4 * DEPTH):
                    tile[:] = 0
                    for t in range(len(taps)):
                        for k in range(o // 4, min(o // 4 + DEPTH, len(weights))):
                            sums = tile[(4 * k - o) * TILE :]
                            add_products(sums, pixels, taps[t], at, n, weights[k, t])
                    for i in range(o, min(o + 4 * DEPTH, outputs)):
                        place = i * HH * WW * B + to
                        bias = b[i] if len(b) else tile.dtype.type(0)
                        write_sum(tile[(i - o) * TILE :], bias, out[place : place + n])


@kernel
def weight_gradient(x: Array, dy: Array, dW: Array, db: Array, K: int, stride: int, rows: Rows) -> None:
    """Compute dW (T, O) and db, (O,) or empty, from x (C, H, W, B) and some rows of dy (O, HH, WW, B)."""
    C, H, width, B = x.shape
    outputs, HH, WW, _ = dy.shape
    pixels, slopes = x.reshape(-1), dy.reshape(-1)
    sums = blocks(dW)
    sums[:] = 0
    taps = tap_starts(C, K, H * width * B, width * B, B)
    planes = starts(outputs, HH * WW * B)
    db[:] = 0
    runs = 1 if stride == 1 else WW
    length = WW * B // runs
    for h in range(rows[0], rows[1]):
        for r in range(runs):
            for start in range(0, length, TILE):
                n = min(TILE, length - start)
                at = (h * stride * width + r * stride) * B + start
                to = (h * WW + r) * B + start
                for t in range(len(taps)):
                    for o in range(len(planes)):
                        add_dots(sums[o, t], pixels, taps[t], at, slopes, planes[o], to, n)
                for o in range(len(db)):
                    place = o * HH * WW * B + to
                    db[o] += total(slopes[place : place + n])
    for t in range(dW.shape[0]):
        for o in range(outputs):
            dW[t, o] = sums[o // 4, t // 4, t % 4, o % 4]


@kernel
def input_gradient(dy: Array, W: Array, dx: Array, stride: int, padding: int, rows: Rows) -> None:
    """Compute some rows of dx (C, H, W, B), without border, from dy (O, HH, WW, B) and W (C, K, K, O)."""
    C, H, width, B = dx.shape
    outputs, HH, WW, _ = dy.shape
    K = W.shape[1]
    slopes, out = dy.reshape(-1), dx.reshape(-1)
    weights = [[blocks(np.ascontiguousarray(W[:, i, j].T)) for j in range(K)] for i in range(K)]
    planes = starts(outputs, HH * WW * B)
    tile = new_tile(dx)
    runs = 1 if stride == 1 else width
    length = width * B // runs
    for h in range(rows[0], rows[1]):
        for r in range(runs):
            for start in range(0, length, TILE):
                n = min(TILE, length - start)
                for c in range(0, C, 4 * DEPTH):
                    tile[:] = 0
                    for i in range(K):
                        row, rest = divmod(h + padding - i, stride)
                        if rest or row < 0 or row >= HH:
                            continue
                        for j in range(K):
                            column, rest = divmod(r + padding - j, stride)
                            if rest:
                                continue
                            first = max(0, -column * B - start)
                            last = min(n, (WW - column) * B - start)
                            at = (row * WW + column) * B + start + first
                            if first < last:
                                block = weights[i][j]
                                for o in range(len(planes)):
                                    for k in range(c // 4, min(c // 4 + DEPTH, len(block))):
                                        sums = tile[(4 * k - c) * TILE + first :]
                                        add_products(sums, slopes, planes[o], at, last - first, block[k, o])
                    for i in range(c, min(c + 4 * DEPTH, C)):
                        place = i * H * width * B + (h * width + r) * B + start
                        write_sum(tile[(i - c) * TILE :], tile.dtype.type(0), out[place : place + n])


def pixels(x: NDArray[Any]) -> NDArray[Any]:
    """Return images (B, C, H, W) as an array (C, H, W, B): as they lie in memory, else a copy."""
    return np.ascontiguousarray(pixels_first(x))


@twin_of(Conv2d)
class CompiledConv2d(Conv2d):
    """Convolution along runs of pixels, without a matrix of windows, in chunks that threads may share."""

    run_tasks: ClassVar[Callable[..., None]] = staticmethod(run_in_order)

    def forward(self, x: Array, training: bool = False) -> Array:
        self.padded_x = pixels(self.pad(x))
        y = self.y(len(x))
        b = self.b if self.bias else self.W[0, :0]
        fixed = self.padded_x, self.W, b, pixels_first(y), self.kernel, self.stride
        self.run_tasks([partial(correlate, *fixed, rows) for rows in self.chunks(y.shape[2], y)])
        return y

    def backward(self, dy: Array) -> Array:
        slopes = pixels(dy)
        self.compute_weight_gradient(slopes)
        if not self.needs_dx:
            return dy[:0]
        dx = (self.dx_inner if self.padding else self.dx)(len(dy))
        W = self.W.reshape(self.weight_shape())
        fixed = slopes, W, pixels_first(dx), self.stride, self.padding
        self.run_tasks([partial(input_gradient, *fixed, rows) for rows in self.chunks(dx.shape[2], dy)])
        return dx

    def compute_weight_gradient(self, dy: Array) -> None:
        """Compute dW and db from dy (O, HH, WW, B): the sums of those of chunks, in their order."""
        chunks = self.chunks(dy.shape[1], dy)
        dW, db = (memory[: len(chunks)] for memory in self.shares)
        fixed = self.kernel, self.stride
        shares = [(dW[i], db[i], *fixed, rows) for i, rows in enumerate(chunks)]
        self.run_tasks([partial(weight_gradient, self.padded_x, dy, *share) for share in shares])
        np.add.reduce(dW, axis=0, out=self.dW)
        if self.bias:
            np.add.reduce(db, axis=0, out=self.db)

    @cached_property
    def shares(self) -> tuple[Array, Array]:
        """Memory for the chunks of dW and db."""
        dW = np.empty((MOST_CHUNKS, *self.W.shape), self.W.dtype)
        db = np.empty((MOST_CHUNKS, self.outputs if self.bias else 0), self.W.dtype)
        return dW, db

    def chunks(self, rows: int, y: Array) -> list[Rows]:
        """Partition rows into as many chunks as the products of outputs y are worth."""
        count = max(1, min(MOST_CHUNKS, rows, int(len(self.W) * y.size / CHUNK)))
        return list(pairwise(i * rows // count for i in range(count + 1)))
