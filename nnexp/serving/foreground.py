"""The foreground of drawings: its bounding box, and size and position in a data set's images.

N images, H x W pixels; the foreground is bright, the background 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1000  # images that are measured
THRESHOLD = 0.1  # of the brightest pixel: what is darker is background
BACKGROUND = 0.5  # at least this share of the pixels at the border is background, in drawings
Images = NDArray[np.floating]


@dataclass(frozen=True)
class DrawingStats:
    """Size and position of a data set's drawings."""

    size: int  # the longer side of the median drawing, in pixels: 20 of 28 in MNIST
    centre: tuple[float, float]  # row and column of their centre of mass, averaged

    @classmethod
    def of(cls, x: NDArray[Any], shape: tuple[int, ...]) -> "DrawingStats | None":
        """Measure images x (N, I) of that shape; None if they are not bright drawings on black."""
        if len(shape) < 2 or (len(shape) == 3 and shape[0] != 1) or shape[-2] != shape[-1]:
            return None
        step = max(1, len(x) // SAMPLE)
        images = np.asarray(x[::step][:SAMPLE]).reshape(-1, *shape[-2:])
        foreground = images > THRESHOLD * images.max(initial=0)  # (N, H, W)
        border = np.ones(shape[-2:], bool)
        border[1:-1, 1:-1] = False
        drawn = foreground.any(axis=(1, 2))
        if not drawn.any() or (~foreground[:, border]).mean() < BACKGROUND:
            return None
        sides = np.maximum(_lengths(foreground.any(axis=2)), _lengths(foreground.any(axis=1)))
        row, column = centres_of_mass(images[drawn].astype(np.float64)).mean(axis=0).tolist()
        return cls(int(np.median(sides[drawn])), (row, column))


def centres_of_mass(images: Images) -> Images:
    """Compute row and column of the centre of mass of each image (N, H, W): (N, 2)."""
    mass = images.sum(axis=(1, 2))
    profiles = (images.sum(axis=2), images.sum(axis=1))  # of the rows, of the columns
    return np.stack([profile @ np.arange(profile.shape[1]) / mass for profile in profiles], axis=1)


def bounding_box(image: Images, threshold: float = THRESHOLD) -> tuple[slice, slice]:
    """Return the rows and columns of an image (H, W) that hold pixels above a share of the brightest."""
    foreground = image > threshold * image.max()
    rows, columns = np.flatnonzero(foreground.any(axis=1)), np.flatnonzero(foreground.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _lengths(occupied: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count from the first True of each row (N, W) to the last; 0 where there is none."""
    end = occupied.shape[1] - occupied[:, ::-1].argmax(axis=1)
    return np.where(occupied.any(axis=1), end - occupied.argmax(axis=1), 0)
