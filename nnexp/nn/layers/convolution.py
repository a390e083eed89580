"""Convolution as one matrix product over all windows of all images (im2col: Chellapilla et al. 2006).

B batch, C channels, H height, W width, O outputs, K kernel; HH, WW height and width of the output. Images lie
in memory pixel by pixel (see `Buffer`): each row of the matrix of windows is then a shifted copy of a whole
channel, in long runs, and the product needs no rearrangement.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Buffer, ShapeError, Size, pixels_first
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.parameters import Array, Shape


@dataclass(eq=False)
class Conv2d(Weighted):
    """y[o] = sum over c of x[c] cross-correlated with W[c, :, :, o], plus b[o]; W is (C, K, K, O)."""

    takes = "images"
    outputs: Size  # O, the number of filters
    kernel: Size = 3  # K, height and width of a filter
    stride: Size = 1  # pixels from one window to the next
    padding: Annotated[int, Ge(0)] = 0  # zeros around the image
    bias: bool = True
    init: Initializer | None = None  # of W; None: that of the experiment

    def connect(self, inputs: Shape) -> Shape:
        self.receptive_field = self.kernel**2
        self.C, *sides = super().connect(inputs)
        self.padded = (self.C, *(side + 2 * self.padding for side in sides))
        windows = (count_windows(side, self.kernel, self.stride) for side in self.padded[1:])
        self.output_shape = (self.outputs, *windows)
        return self.output_shape

    def weight_shape(self) -> Shape:
        return (self.C, self.kernel, self.kernel, self.outputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        windows = (self.C * self.kernel**2, *self.output_shape[1:])
        self.columns = Buffer(capacity, windows, dtype)  # all windows, then their gradients
        self.y = Buffer(capacity, self.output_shape, dtype)
        self.x = Buffer(capacity if self.padding else 0, self.padded, dtype)  # with a border of zeros
        self.dx = Buffer(capacity if self.needs_dx else 0, self.padded, dtype)
        self.dx_inner = Buffer(capacity if self.needs_dx and self.padding else 0, self.input_shape, dtype)
        self.dy = Buffer(capacity, self.output_shape, dtype)
        self.bordered = -1  # the number of images that the border of zeros was made for

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        k = self.kernel
        s = self.stride
        pixels = pixels_first(self.pad(x))
        views = sliding_window_view(pixels, (k, k), (1, 2))[:, ::s, ::s]  # (C, HH, WW, B, K, K)
        columns = self.matrix(n)
        np.copyto(columns.reshape(self.C, k, k, *self.output_shape[1:], n), views.transpose(0, 4, 5, 1, 2, 3))
        y = self.y(n)
        rows = pixels_first(y).reshape(self.outputs, -1)
        self.matmul(self.W.T, columns, out=rows)  # (O, HH WW B)
        if self.bias:
            rows += self.b[:, None]
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        k = self.kernel
        s = self.stride
        if not pixels_first(dy).flags.c_contiguous:
            np.copyto(self.dy(n), dy)
            dy = self.dy(n)
        rows = pixels_first(dy).reshape(self.outputs, -1)  # (O, HH WW B)
        columns = self.matrix(n)
        self.matmul(columns, rows.T, out=self.dW)
        if self.bias:
            np.add.reduce(rows, axis=1, out=self.db)
        if not self.needs_dx:
            return dy[:0]
        self.matmul(self.W, rows, out=columns)
        height, width = self.output_shape[1:]
        dcolumns = columns.reshape(self.C, k, k, height, width, n)
        padded = self.dx(n)
        padded.fill(0)
        pixels = pixels_first(padded)
        for i in range(k):
            for j in range(k):
                pixels[:, i : i + s * height : s, j : j + s * width : s] += dcolumns[:, i, j]
        if not self.padding:
            return padded
        dx = self.dx_inner(n)
        np.copyto(dx, self.crop(padded))
        return dx

    def pad(self, x: Array) -> Array:
        """Return the images with their border of zeros, (B, C, H + 2 padding, W + 2 padding)."""
        if not self.padding:
            return x
        padded = self.x(len(x))
        if len(x) != self.bordered:
            padded.fill(0)
            self.bordered = len(x)
        np.copyto(self.crop(padded), x)
        return padded

    def crop(self, padded: Array) -> Array:
        """Return a view of padded images without their border."""
        p = self.padding
        return padded[:, :, p : padded.shape[2] - p, p : padded.shape[3] - p]

    def matrix(self, n: int) -> Array:
        """Return the columns of n images, (C K K, HH WW B)."""
        return pixels_first(self.columns(n)).reshape(self.C * self.kernel**2, -1)


def count_windows(size: int, kernel: int, stride: int) -> int:
    """Return the number of windows along one side of an image."""
    if kernel > size:
        raise ShapeError(f"kernel {kernel} does not fit into {size} pixels: use a smaller one, or padding")
    return (size - kernel) // stride + 1
