"""Augmentation: random variants of the training images in every pass.

B images, I = C*H*W numbers each. Validation and test images are not augmented.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import radians
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt, MinLen
from numpy.typing import DTypeLike, NDArray

from nnexp.data.augmentation.elastic import Displacement
from nnexp.data.augmentation.resampling import Array, Bilinear, Canvas, inverse_maps
from nnexp.data.errors import DataError

Degrees = Annotated[float, Ge(0), Lt(90)]
NotNegative = Annotated[float, Ge(0)]
Ratio = Annotated[float, Ge(0), Lt(1)]
Sigma = Annotated[float, Gt(0)]

CHUNK_PIXELS = 25_088
"""Images are augmented in chunks of so many pixels, 32 images of 28 x 28: the buffers fit into the cache."""


class Augment(ABC):
    """Changes batches in place, each example by its own random numbers."""

    @abstractmethod
    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        """Allocate the buffers for examples of that shape, and batches of at most `capacity`."""

    @abstractmethod
    def __call__(self, x: Array) -> None:
        """Replace every example of x (B, I) by a new variant."""


class NoAugment(Augment):
    """Leaves images, or rows of a table, as they are."""

    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        pass

    def __call__(self, x: Array) -> None:
        pass


@dataclass(kw_only=True)
class ImageAugment(Augment):
    """Moves the pixels of images, (H, W) or (C, H, W), over zeros; values in [0, 1] stay there."""

    probability: Annotated[float, Ge(0), Le(1)] = 1.0  # the ratio of the images that are changed

    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        if len(shape) not in (2, 3):
            problem = f"{type(self).__name__} needs images, got examples of shape {shape}"
            raise DataError(problem, setting="augment=none")
        channels, height, width = shape if len(shape) == 3 else (1, *shape)
        self.chunk = min(capacity, max(1, CHUNK_PIXELS // (height * width)))  # images at a time
        self.rng = rng
        self.canvas = Canvas((channels, height, width), self.chunk, dtype)
        self.variants = [np.empty((self.chunk, height * width), dtype) for _ in range(channels)]
        self.allocate(height, width, dtype)

    def __call__(self, x: Array) -> None:
        for start in range(0, len(x), self.chunk):
            images = x[start : start + self.chunk]
            chosen = self.rng.random((len(images), 1)) < self.probability
            self.canvas.put(images)
            self.replace(images, chosen)

    def replace(self, images: Array, chosen: NDArray[np.bool_]) -> None:
        """Replace the images that are chosen (B, 1) by variants of those on the canvas."""
        variants = [variant[: len(images)] for variant in self.variants]
        self.draw(variants)
        for channel, variant in zip(np.split(images, len(variants), axis=1), variants, strict=True):
            np.copyto(channel, variant, where=chosen)

    @abstractmethod
    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        """Allocate the buffers for `self.chunk` images of that size."""

    @abstractmethod
    def draw(self, out: Sequence[Array]) -> None:
        """Fill `out`, C times (B, H*W), with variants of the images on the canvas."""


@dataclass(kw_only=True)
class Shift(ImageAugment):
    """Shifts an image by whole pixels in both directions; zeros come in at the edge."""

    pixels: Annotated[int, Ge(0)] = 2  # at most, in each direction

    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        shifts = np.arange(-self.pixels, self.pixels + 1)[:, None]
        self.rows = np.clip(np.arange(height) - shifts, -1, height)  # (shifts, H): sources
        self.rows *= self.canvas.stride
        self.columns = np.clip(np.arange(width) - shifts, -1, width)  # (shifts, W)
        self.source_row = np.empty((self.chunk, height), np.intp)
        self.source_column = np.empty((self.chunk, width), np.intp)
        self.index, self.along = np.empty((2, self.chunk, height, width), np.intp)

    def draw(self, out: Sequence[Array]) -> None:
        n = len(out[0])
        down, right = self.rng.integers(2 * self.pixels + 1, size=(2, n))
        row, column = self.source_row[:n], self.source_column[:n]
        index, along = self.index[:n], self.along[:n]
        np.take(self.rows, down, axis=0, out=row, mode="clip")
        np.take(self.columns, right, axis=0, out=column, mode="clip")
        np.copyto(index, row[:, :, None])
        np.copyto(along, column[:, None])
        index += along
        flat = index.reshape(n, -1)
        flat += self.canvas.origins[:n]
        for channel, image in enumerate(out):
            self.canvas.get(channel, flat, image)


@dataclass(kw_only=True)
class Flip(ImageAugment):
    """Mirrors an image left to right: for photographs, whose class stays the same; letters change theirs."""

    probability: Annotated[float, Ge(0), Le(1)] = 0.5

    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        pass

    def draw(self, out: Sequence[Array]) -> None:
        for channel, image in enumerate(out):
            mirrored = self.canvas.images[channel, : len(image), :, ::-1]
            np.copyto(image.reshape(mirrored.shape), mirrored)


@dataclass(kw_only=True)
class Compose(Augment):
    """Several augmentations, one after the other."""

    steps: Annotated[list[Augment], MinLen(1)]

    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        self.rng = rng
        for step in self.steps:
            step.bind(shape, capacity, dtype, rng)

    def __call__(self, x: Array) -> None:
        for step in self.steps:
            step(x)


def mirrors(augment: object) -> bool:
    """Return whether an augmentation, or one of its steps, mirrors images."""
    return isinstance(augment, Flip) or (isinstance(augment, Compose) and any(map(mirrors, augment.steps)))


class Warp(ImageAugment):
    """An affine map and an elastic displacement in one interpolation, as in Ciresan et al. 2010.

    The pixel at p takes its value from the point M^-1 (p - c - move) + c + d: c is the image's center,
    M = rotation * shear * scaling, d the elastic `Displacement`. Numbers are uniform, drawn for each image.
    """

    rotate: float  # at most so many degrees either way
    scale: float  # height and width are scaled independently by 1 - scale to 1 + scale
    shear: float  # vertical lines lean by at most so many degrees either way
    shift: float  # at most so many pixels in each direction, fractions included
    alpha: float  # the strength of the elastic displacement; 0 for none
    sigma: float  # its smoothness in pixels

    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        self.center = np.array([[height - 1], [width - 1]]) / 2  # (2, 1)
        rows, columns = np.indices((height, width)).reshape(2, -1) - self.center
        self.points = np.stack([rows, columns, np.ones_like(rows)]).astype(dtype)  # (3, H*W)
        self.maps = np.empty(2 * self.chunk * 3, dtype)
        self.coordinates = np.empty(2 * self.chunk * height * width, dtype)
        self.bilinear = Bilinear(self.canvas, self.chunk)
        self.displacement = Displacement((height, width), 2 * self.chunk, dtype, self.alpha, self.sigma)

    def draw(self, out: Sequence[Array]) -> None:
        n, pixels = out[0].shape
        coordinates = self.coordinates[: 2 * n * pixels].reshape(2 * n, pixels)
        np.matmul(self.draw_maps(n), self.points, out=coordinates)
        if self.alpha:
            coordinates += self.displacement(2 * n, self.rng)
        self.bilinear(coordinates[:n], coordinates[n:], out)

    def draw_maps(self, n: int) -> Array:
        """Draw affine maps (2*B, 3): what makes rows of all images, then columns, of the `points`."""
        maps = self.maps[: 2 * n * 3].reshape(2, n, 3)
        u = self.rng.uniform(-1, 1, (6, n))
        turn, shear = radians(self.rotate) * u[0], radians(self.shear) * u[1]
        grow = 1 + self.scale * u[2:4]
        move = self.shift * u[4:]
        maps[:] = inverse_maps(turn, shear, grow, move, self.center)
        return maps.reshape(2 * n, 3)


@dataclass(kw_only=True)
class Distort(Warp):
    """Affine map and elastic displacement: Ciresan et al. 2010. See `Warp`."""

    rotate: Degrees = 15.0
    scale: Ratio = 0.15
    shear: Degrees = 0.0
    shift: NotNegative = 0.0
    alpha: NotNegative = 37.0
    sigma: Sigma = 5.5


@dataclass(kw_only=True)
class Affine(Warp):
    """Rotation, scaling, shear and shift: straight lines stay straight. See `Warp`."""

    rotate: Degrees = 15.0
    scale: Ratio = 0.15
    shear: Degrees = 15.0
    shift: NotNegative = 0.0
    alpha = 0.0
    sigma = 1.0


@dataclass(kw_only=True)
class Elastic(Warp):
    """Smooth random displacements of all pixels: Simard, Steinkraus & Platt 2003. See `Displacement`."""

    rotate = scale = shear = shift = 0.0
    alpha: NotNegative = 34.0
    sigma: Sigma = 4.0
