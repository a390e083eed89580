"""Resample a batch of images: zero padding, bilinear interpolation, affine maps of coordinates.

B images, C channels, H x W pixels. Coordinates are (row, column) in pixels, (0, 0) is the first pixel's
center. All buffers are allocated once, for `capacity` images; a call takes at most as many.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Float64 = NDArray[np.float64]
Indices = NDArray[np.intp]


class Canvas:
    """Copies of images, padded with zeros.

    In memory one zero follows each row and one row of zeros each image; the zero left of a row is the one
    behind the row before. With coordinates clipped to [-1, H] and [-1, W] this is an unlimited padding.
    """

    def __init__(self, shape: tuple[int, int, int], capacity: int, dtype: DTypeLike) -> None:
        channels, height, width = shape
        self.shape = shape
        self.stride = width + 1
        area = (height + 1) * self.stride
        first = self.stride + 1  # in front of the first pixel: a row of zeros and the zero left of it
        self.flat = np.zeros((channels, first + capacity * area + self.stride + 1), dtype)
        padded = self.flat[:, first : first + capacity * area]
        rows = padded.reshape(channels, capacity, height + 1, self.stride)
        self.images = rows[..., :height, :width]  # (C, B, H, W)
        origins = first + area * np.arange(capacity)[:, None]  # (B, 1): of each image's pixel (0, 0)
        self.origins: Indices = np.repeat(origins, height * width, axis=1)  # broadcasting would allocate

    def put(self, x: Array) -> None:
        """Copy images (B, C*H*W)."""
        np.copyto(self.images[:, : len(x)], x.reshape(-1, *self.shape).transpose(1, 0, 2, 3))

    def get(self, channel: int, index: Indices, out: Array, down: int = 0, right: int = 0) -> None:
        """Get the pixels at `index`, or so many rows below and so many columns right of it."""
        pixels = self.flat[channel, down * self.stride + right :]
        np.take(pixels, index, out=out, mode="clip")  # other modes copy


class Bilinear:
    """v = (1-s) [(1-t) x00 + t x01] + s [(1-t) x10 + t x11]: x00 is the pixel up left, (s, t) the offset.

    Outside is zero, and values between the outermost pixels and zero are interpolated: `grid-constant` in
    SciPy, padding by zeros in PyTorch's `grid_sample`. Each step weighs two values by a number in [0, 1), so
    values in [0, 1] stay there, after rounding too.
    """

    def __init__(self, canvas: Canvas, capacity: int) -> None:
        self.canvas = canvas
        _, self.height, self.width = canvas.shape
        size = (capacity, self.height * self.width)
        dtype = canvas.flat.dtype
        self.near, self.far, self.corner = (np.empty(size, dtype) for _ in range(3))
        self.row, self.column = np.empty(size, np.int32), np.empty(size, np.int32)
        self.index: Indices = np.empty(size, np.intp)

    def __call__(self, y: Array, x: Array, out: Sequence[Array]) -> None:
        """Fill `out`, C times (B, H*W), from the canvas at y and x (B, H*W), which are overwritten."""
        n = len(y)
        near, far, corner = self.near[:n], self.far[:n], self.corner[:n]
        index = self.split_coordinates(y, x, near)
        for channel, image in enumerate(out):
            self.canvas.get(channel, index, near)
            self.canvas.get(channel, index, far, right=1)
            mix(near, far, x)
            self.canvas.get(channel, index, far, down=1)
            self.canvas.get(channel, index, corner, down=1, right=1)
            mix(far, corner, x)
            mix(near, far, y, image)

    def split_coordinates(self, y: Array, x: Array, floor: Array) -> Indices:
        """Return the indices of the pixels up left; the fractions remain in y and x."""
        n = len(y)
        row, column, index = self.row[:n], self.column[:n], self.index[:n]
        for fraction, size, whole in ((y, self.height, row), (x, self.width, column)):
            np.clip(fraction, -1, size, out=fraction)
            np.floor(fraction, out=floor)
            np.subtract(fraction, floor, out=fraction)
            np.copyto(whole, floor, casting="unsafe")
        row *= self.canvas.stride
        row += column
        np.copyto(index, row)
        index += self.canvas.origins[:n]
        return index


def mix(a: Array, b: Array, t: Array, out: Array | None = None) -> None:
    """Put a + t (b - a) into `out`, or into a; b is overwritten."""
    b -= a
    b *= t
    np.add(a, b, out=a if out is None else out)


def inverse_maps(turn: Float64, shear: Float64, grow: Float64, move: Float64, center: Float64) -> Float64:
    """Return the rows of [M^-1 | c - M^-1 move], M = rotation * shear * diag(grow), for each of B images.

    Turn, shear (B,) are angles, grow (2, B) factors of height and width, move (2, B) pixels, center c (2, 1).
    The result (2, B, 3) has for row and column the factors of (row - c, column - c) and a constant.
    """
    cos, sin, lean = np.cos(turn), np.sin(turn), np.tan(shear)
    inverse = np.array([[cos, sin], [-sin - lean * cos, cos - lean * sin]]) / grow[:, None]  # (2, 2, B)
    constant = center - (inverse * move).sum(axis=1)  # (2, B)
    return np.concatenate([inverse, constant[:, None]], axis=1).transpose(0, 2, 1)
