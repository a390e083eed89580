"""Compiled augmentation: from the canvas into the batch in one pass, only the images that are changed.

B images, C channels, H x W pixels. Random numbers are drawn by NumPy, in the same order.
"""

import numpy as np
from numpy.typing import NDArray

from nnexp.data.augmentation.augment import Affine, Distort, Elastic, Flip, Shift, Warp
from nnexp.data.augmentation.resampling import Array, Indices
from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of

Chosen = NDArray[np.bool_]  # (B, 1)


@kernel
def find_pixels(
    maps: Array,
    points: Array,
    moves: Array,
    b: int,
    height: int,
    width: int,
    y: Array,
    x: Array,
    index: Indices,
) -> None:
    """Write the index of the pixel up left of map * point + move, and the offset (y, x) from it."""
    n = len(maps) // 2
    low, bottom, right = y.dtype.type(-1), y.dtype.type(height), y.dtype.type(width)
    for p in range(points.shape[1]):
        row = maps[b, 0] * points[0, p] + maps[b, 1] * points[1, p] + maps[b, 2]
        column = maps[n + b, 0] * points[0, p] + maps[n + b, 1] * points[1, p] + maps[n + b, 2]
        if moves.size:
            row += moves[b, p]
            column += moves[n + b, p]
        row = min(max(row, low), bottom)
        column = min(max(column, low), right)
        whole_row = np.floor(row)
        whole_column = np.floor(column)
        y[p] = row - whole_row
        x[p] = column - whole_column
        index[p] = np.int32(whole_row) * np.int32(width + 1) + np.int32(whole_column)


@kernel
def interpolate(pixels: Array, stride: int, index: Indices, y: Array, x: Array, image: Array) -> None:
    """Interpolate between four pixels; pixels start at (-1, -1), see `Bilinear` for the formula."""
    for p in range(len(image)):
        i = index[p] + stride + 1
        above = pixels[i] + x[p] * (pixels[i + 1] - pixels[i])
        below = pixels[i + stride] + x[p] * (pixels[i + stride + 1] - pixels[i + stride])
        image[p] = above + y[p] * (below - above)


@kernel
def warp(
    canvas: Array,
    origins: Indices,
    height: int,
    width: int,
    maps: Array,
    points: Array,
    moves: Array,
    chosen: Chosen,
    offsets: Array,
    index: Indices,
    images: Array,
) -> None:
    """Fill the chosen images from the canvas at maps * points + moves."""
    area = height * width
    y, x = offsets[0], offsets[1]
    for b in range(len(images)):
        if not chosen[b, 0]:
            continue
        find_pixels(maps, points, moves, b, height, width, y, x, index)
        for c in range(len(canvas)):
            pixels = canvas[c, origins[b, 0] - width - 2 :]
            interpolate(pixels, width + 1, index, y, x, images[b, c * area : (c + 1) * area])


class CompiledWarp(Warp):
    """Map, displacement and interpolation in one pass over an image."""

    def replace(self, images: Array, chosen: Chosen) -> None:
        n = len(images)
        canvas, buffers = self.canvas, self.bilinear
        maps = self.draw_maps(n)
        moves = self.displacement(2 * n, self.rng) if self.alpha else self.displacement.fields[None, :0]
        warp(
            canvas.flat,
            canvas.origins,
            buffers.height,
            buffers.width,
            maps,
            self.points,
            moves,
            chosen,
            self.coordinates.reshape(2, -1),
            buffers.index[0],
            images,
        )


@twin_of(Distort)
class CompiledDistort(CompiledWarp, Distort):
    """`Distort` in one pass."""


@twin_of(Affine)
class CompiledAffine(CompiledWarp, Affine):
    """`Affine` in one pass."""


@twin_of(Elastic)
class CompiledElastic(CompiledWarp, Elastic):
    """`Elastic` in one pass."""


@kernel
def shift(
    canvas: Array,
    origins: Indices,
    size: tuple[int, int],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    chosen: Chosen,
    images: Array,
) -> None:
    """Copy the chosen images from the canvas, so many rows further down and columns further right."""
    height, width = size
    for b in range(len(images)):
        if not chosen[b, 0]:
            continue
        for c in range(len(canvas)):
            for i in range(height):
                row = min(max(i - down[b], -1), height)
                start = origins[b, 0] + row * (width + 1)
                first = (c * height + i) * width
                for j in range(width):
                    images[b, first + j] = canvas[c, start + min(max(j - right[b], -1), width)]


@twin_of(Shift)
class CompiledShift(Shift):
    """`Shift` in one pass."""

    def replace(self, images: Array, chosen: Chosen) -> None:
        canvas = self.canvas
        down, right = self.rng.integers(2 * self.pixels + 1, size=(2, len(images))) - self.pixels
        shift(canvas.flat, canvas.origins, canvas.shape[1:], down, right, chosen, images)


@kernel
def mirror(images: Array, width: int, chosen: Chosen) -> None:
    """Mirror every row of the chosen images."""
    for b in range(len(images)):
        if not chosen[b, 0]:
            continue
        for start in range(0, images.shape[1], width):
            for j in range(width // 2):
                last = start + width - 1 - j
                left = images[b, start + j]
                images[b, start + j] = images[b, last]
                images[b, last] = left


@twin_of(Flip)
class CompiledFlip(Flip):
    """`Flip` in place."""

    def replace(self, images: Array, chosen: Chosen) -> None:
        mirror(images, self.canvas.shape[-1], chosen)
