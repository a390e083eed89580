"""Convolution as one matrix product over all windows of all images (im2col: Chellapilla et al. 2006).

B batch, C channels, H height, W width, O outputs, K kernel; HH, WW height and width of the output. Images lie in memory pixel by
pixel, (C, H, W, B): each row of the matrix of windows is then a shifted copy of a whole channel, in long runs, and the product
needs no rearrangement.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.layers.layer import ShapeError, Units, Weighted, arranged, pixels_first, told
from nnexp.nn.parameters import Array, Shape

Size = Annotated[int, Ge(1)]


class Conv2d(Weighted):
    """y[o] = sum over c of x[c] cross-correlated with W[c, :, :, o], plus b[o].

    Args:
        outputs: O, the number of filters; W is (C, K, K, O).
        kernel: K, height and width of a filter.
        stride: pixels from one window to the next.
        padding: zeros around the image.
        bias: whether there is a b.
        init: of W; None is what the experiment says.
    """

    takes = "images"

    def __init__(
        self,
        outputs: Units,
        kernel: Size = 3,
        stride: Size = 1,
        padding: Annotated[int, Ge(0)] = 0,
        bias: bool = True,
        init: Initializer | None = None,
    ) -> None:
        super().__init__(outputs, bias, init)
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.receptive = kernel**2

    def connect(self, inputs: Shape) -> Shape:
        self.input_shape = image_shape(inputs, "Conv2d")
        self.C, height, width = self.input_shape
        self.padded = (self.C, height + 2 * self.padding, width + 2 * self.padding)
        self.output_shape = (
            self.outputs,
            *(windows(size, self.kernel, self.stride, "Conv2d") for size in self.padded[1:]),
        )
        return self.output_shape

    def weight_shape(self) -> Shape:
        return (self.C, self.kernel, self.kernel, self.outputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        positions = capacity * self.output_shape[1] * self.output_shape[2]
        self.columns: Array = np.empty(
            self.C * self.kernel**2 * positions, dtype
        )  # all windows, then their gradients
        self.y: Array = np.empty(self.outputs * positions, dtype)
        size = capacity * int(np.prod(self.padded))
        self.x: Array = np.empty(size if self.padding else 0, dtype)  # with a border of zeros
        self.dx: Array = np.empty(size if self.needs_dx else 0, dtype)
        self.dx_inner: Array = np.empty(size if self.needs_dx and self.padding else 0, dtype)
        self.dy: Array = np.empty(self.outputs * positions, dtype)
        self.bordered = -1  # how many images the border of zeros was made for

    def forward(self, x: Array, training: bool = False) -> Array:
        n, k, s = len(x), self.kernel, self.stride
        views = sliding_window_view(pixels_first(self.framed(x)), (k, k), (1, 2))[
            :, ::s, ::s
        ]  # (C, HH, WW, B, K, K)
        columns = self.matrix(n)
        np.copyto(columns.reshape(self.C, k, k, *self.output_shape[1:], n), views.transpose(0, 4, 5, 1, 2, 3))
        y = arranged(self.y, n, self.output_shape)
        rows = pixels_first(y).reshape(self.outputs, -1)
        np.matmul(self.W.T, columns, out=rows)  # (O, HH WW B)
        if self.bias:
            rows += self.b[:, None]
        return y

    def backward(self, dy: Array) -> Array:
        n, k, s = len(dy), self.kernel, self.stride
        if not pixels_first(dy).flags.c_contiguous:
            np.copyto(arranged(self.dy, n, self.output_shape), dy)
            dy = arranged(self.dy, n, self.output_shape)
        rows = pixels_first(dy).reshape(self.outputs, -1)  # (O, HH WW B)
        columns = self.matrix(n)
        np.matmul(columns, rows.T, out=self.dW)
        if self.bias:
            np.add.reduce(rows, axis=1, out=self.db)
        if not self.needs_dx:
            return dy[:0]
        np.matmul(self.W, rows, out=columns)  # what each window's pixels are owed
        height, width = self.output_shape[1:]
        owed = columns.reshape(self.C, k, k, height, width, n)
        framed = arranged(self.dx, n, self.padded)
        framed.fill(0)
        pixels = pixels_first(framed)
        for i in range(k):
            for j in range(k):
                pixels[:, i : i + s * height : s, j : j + s * width : s] += owed[:, i, j]
        if not self.padding:
            return framed
        dx = arranged(self.dx_inner, n, self.input_shape)
        np.copyto(dx, self.inner(framed))
        return dx

    def framed(self, x: Array) -> Array:
        """The images with their border of zeros, (B, C, H + 2 padding, W + 2 padding)."""
        if not self.padding:
            return x
        framed = arranged(self.x, len(x), self.padded)
        if len(x) != self.bordered:
            framed.fill(0)
            self.bordered = len(x)
        np.copyto(self.inner(framed), x)
        return framed

    def matrix(self, n: int) -> Array:
        """The columns of n images, (C K K, HH WW B)."""
        rows, positions = self.C * self.kernel**2, n * self.output_shape[1] * self.output_shape[2]
        return self.columns[: rows * positions].reshape(rows, positions)

    def inner(self, framed: Array) -> Array:
        """A padded image without its border."""
        p = self.padding
        return framed[:, :, p : framed.shape[2] - p, p : framed.shape[3] - p]


def image_shape(inputs: Shape, layer: str) -> tuple[int, int, int]:
    """The shape as (C, H, W); a `ShapeError` if it is none."""
    if len(inputs) != 3:
        raise ShapeError(f"{layer} takes images (channels, height, width) and is given {told(inputs)}")
    return inputs[0], inputs[1], inputs[2]


def windows(size: int, kernel: int, stride: int, layer: str) -> int:
    """How many windows fit into that many pixels."""
    if kernel > size:
        raise ShapeError(
            f"{layer}: a kernel of {kernel} does not fit into {size} pixels: take a smaller one, or padding"
        )
    return (size - kernel) // stride + 1
