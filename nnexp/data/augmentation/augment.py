"""Augmentation: the training images of every pass are new variants of those in the data set.

B images, I = C*H*W numbers each. Validation and test images stay as they are.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import radians
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import DTypeLike

from nnexp.data.augmentation.elastic import Displacement
from nnexp.data.augmentation.resampling import Array, Bilinear, Canvas, inverse_maps
from nnexp.data.errors import DataError

Degrees = Annotated[float, Ge(0), Lt(90)]
Pixels = Annotated[float, Ge(0)]
Probability = Annotated[float, Ge(0), Le(1)]
Ratio = Annotated[float, Ge(0), Lt(1)]
Sigma = Annotated[float, Gt(0)]
Strength = Annotated[float, Ge(0)]

PIXELS_AT_ONCE = 25_088
"""Images are changed in parts of so many pixels, 32 images of 28 x 28: what is computed from them fits the processor's cache."""


class Augment(ABC):
    """Changes batches in place, each example by numbers that are drawn for it alone."""

    @abstractmethod
    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        """Make the buffers.

        Args:
            shape: of one example.
            capacity: of the largest batch.
            dtype: of the batches, float32 or float64.
            rng: what all draws come from.

        Raises:
            DataError: examples of that shape cannot be changed so.
        """

    @abstractmethod
    def __call__(self, x: Array) -> None:
        """Put a new variant in the place of every example of x (B, I)."""


class NoAugment(Augment):
    """Images, or rows of a table, as they are."""

    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        pass

    def __call__(self, x: Array) -> None:
        pass


class ImageAugment(Augment):
    """Moves the pixels of images, (H, W) or (C, H, W), on a background of zeros; what was in [0, 1] stays there.

    Args:
        probability: the share of the images that are changed.
    """

    def __init__(self, probability: Probability = 1.0) -> None:
        self.probability = probability

    def bind(self, shape: tuple[int, ...], capacity: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        if len(shape) not in (2, 3):
            examples = f"rows of {shape[0]:,} numbers" if len(shape) == 1 else f"of shape {shape}"
            raise DataError(
                f"{type(self).__name__} moves the pixels of images, and these examples are {examples}: choose augment=none"
            )
        channels, height, width = shape if len(shape) == 3 else (1, *shape)
        self.part = min(capacity, max(1, PIXELS_AT_ONCE // (height * width)))  # images at a time
        self.rng = rng
        self.canvas = Canvas((channels, height, width), self.part, dtype)
        self.variants = [np.empty((self.part, height * width), dtype) for _ in range(channels)]
        self.allocate(height, width, dtype)

    def __call__(self, x: Array) -> None:
        for start in range(0, len(x), self.part):
            images = x[start : start + self.part]
            variants = [variant[: len(images)] for variant in self.variants]
            chosen = self.rng.random((len(images), 1)) < self.probability
            self.canvas.put(images)
            self.draw(variants)
            for channel, variant in zip(np.split(images, len(variants), axis=1), variants, strict=True):
                np.copyto(channel, variant, where=chosen)

    @abstractmethod
    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        """Make the buffers for `self.part` images of that size."""

    @abstractmethod
    def draw(self, out: Sequence[Array]) -> None:
        """Fill `out`, C times (B, H*W), with variants of the images on the canvas."""


class Shift(ImageAugment):
    """Moves an image by whole pixels, up or down and left or right; zeros come in at the edge.

    Args:
        pixels: the most in each direction.
    """

    def __init__(self, pixels: Annotated[int, Ge(0)] = 2, probability: Probability = 1.0) -> None:
        super().__init__(probability)
        self.pixels = pixels

    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        shifts = np.arange(-self.pixels, self.pixels + 1)[:, None]
        self.rows = (
            np.clip(np.arange(height) - shifts, -1, height) * self.canvas.stride
        )  # (shifts, H): where each row comes from
        self.columns = np.clip(np.arange(width) - shifts, -1, width)  # (shifts, W)
        self.from_row, self.from_column = (
            np.empty((self.part, height), np.intp),
            np.empty((self.part, width), np.intp),
        )
        self.index, self.along = (np.empty((self.part, height, width), np.intp) for _ in range(2))

    def draw(self, out: Sequence[Array]) -> None:
        n = len(out[0])
        down, right = self.rng.integers(2 * self.pixels + 1, size=(2, n))
        row, column, index, along = self.from_row[:n], self.from_column[:n], self.index[:n], self.along[:n]
        np.take(self.rows, down, axis=0, out=row, mode="clip")
        np.take(self.columns, right, axis=0, out=column, mode="clip")
        np.copyto(index, row[:, :, None])
        np.copyto(along, column[:, None])
        index += along
        flat = index.reshape(n, -1)
        flat += self.canvas.origins[:n]
        for channel, image in enumerate(out):
            self.canvas.get(channel, flat, image)


class Distort(ImageAugment):
    """An affine map and an elastic displacement in one interpolation, as Ciresan et al. 2010 train on.

    The pixel at p takes its value from the point M^-1 (p - c - move) + c + d: c is the middle of the image, M = rotation *
    shear * scaling, d the elastic `Displacement`. Each number is drawn uniformly for each image.

    Args:
        rotate: turned by up to so many degrees either way.
        scale: height and width become, each by itself, 1 - scale to 1 + scale times as large.
        shear: upright lines lean by up to so many degrees either way.
        shift: moved by up to so many pixels in each direction, not only by whole ones.
        alpha: the strength of the elastic displacement.
        sigma: its smoothness in pixels.
    """

    def __init__(
        self,
        rotate: Degrees = 15.0,
        scale: Ratio = 0.15,
        shear: Degrees = 0.0,
        shift: Pixels = 0.0,
        alpha: Strength = 37.0,
        sigma: Sigma = 5.5,
        probability: Probability = 1.0,
    ) -> None:
        super().__init__(probability)
        self.rotate, self.scale, self.shear, self.shift = rotate, scale, shear, shift
        self.alpha, self.sigma = alpha, sigma

    def allocate(self, height: int, width: int, dtype: DTypeLike) -> None:
        self.center = np.array([[height - 1], [width - 1]]) / 2  # (2, 1)
        rows, columns = np.indices((height, width)).reshape(2, -1) - self.center
        self.points = np.stack([rows, columns, np.ones_like(rows)]).astype(dtype)  # (3, H*W)
        self.maps, self.coordinates = (
            np.empty(2 * self.part * 3, dtype),
            np.empty(2 * self.part * height * width, dtype),
        )
        self.bilinear = Bilinear(self.canvas, self.part)
        self.displacement = Displacement((height, width), 2 * self.part, dtype, self.alpha, self.sigma)

    def draw(self, out: Sequence[Array]) -> None:
        n, pixels = out[0].shape
        maps, coordinates = (
            self.maps[: 2 * n * 3].reshape(2, n, 3),
            self.coordinates[: 2 * n * pixels].reshape(2 * n, pixels),
        )
        u = self.rng.uniform(-1, 1, (6, n))
        turn, shear = radians(self.rotate) * u[0], radians(self.shear) * u[1]
        maps[:] = inverse_maps(
            turn, shear, grow=1 + self.scale * u[2:4], move=self.shift * u[4:], center=self.center
        )
        np.matmul(
            maps.reshape(2 * n, 3), self.points, out=coordinates
        )  # first the rows of all images, then the columns
        if self.alpha:
            coordinates += self.displacement(2 * n, self.rng)
        self.bilinear(coordinates[:n], coordinates[n:], out)


class Affine(Distort):
    """Rotation, scaling, shear and shift: straight lines stay straight. See `Distort`."""

    def __init__(
        self,
        rotate: Degrees = 15.0,
        scale: Ratio = 0.15,
        shear: Degrees = 15.0,
        shift: Pixels = 0.0,
        probability: Probability = 1.0,
    ) -> None:
        super().__init__(rotate, scale, shear, shift, alpha=0.0, probability=probability)


class Elastic(Distort):
    """Bends strokes as an unsteady hand would: Simard, Steinkraus & Platt 2003. See `Displacement`."""

    def __init__(self, alpha: Strength = 34.0, sigma: Sigma = 4.0, probability: Probability = 1.0) -> None:
        super().__init__(rotate=0.0, scale=0.0, alpha=alpha, sigma=sigma, probability=probability)
