"""Where the ink of a drawing is: its box, and how large the drawings of a data set are.

N images, H x W pixels; ink is bright, paper 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1000  # images that are looked at
FAINT = 0.1  # of the brightest pixel: what is darker is paper
PAPER = 0.5  # of the pixels at the border at least this share is paper, in drawings


@dataclass(frozen=True)
class DrawingStats:
    """How a data set's drawings lie in their frame.

    Attributes:
        extent: the longer side of most, in pixels: MNIST's digits were brought to 20 of 28.
        centre: row and column of their centre of mass, the mean over all.
    """

    extent: int
    centre: tuple[float, float]


def ink_of(x: NDArray[Any], shape: tuple[int, ...]) -> DrawingStats | None:
    """Measure images x (N, I); None if they are no bright drawings on black.

    Whoever shows the network a drawing of their own does well to let it lie in its frame likewise.
    """
    if len(shape) < 2 or (len(shape) == 3 and shape[0] != 1) or shape[-2] != shape[-1]:
        return None
    step = max(1, len(x) // SAMPLE)
    images = np.asarray(x[::step][:SAMPLE]).reshape(-1, *shape[-2:])
    ink = images > FAINT * images.max(initial=0)  # (N, H, W)
    border = np.ones(shape[-2:], bool)
    border[1:-1, 1:-1] = False
    drawn = ink.any(axis=(1, 2))
    if not drawn.any() or (~ink[:, border]).mean() < PAPER:
        return None
    sides = np.maximum(length(ink.any(axis=2)), length(ink.any(axis=1)))
    row, column = centres_of_mass(images[drawn].astype(np.float64)).mean(axis=0).tolist()
    return DrawingStats(int(np.median(sides[drawn])), (row, column))


def centre_of_mass(image: NDArray[np.floating]) -> tuple[float, float]:
    """Row and column of a drawing (H, W)."""
    row, column = centres_of_mass(image[None])[0].tolist()
    return row, column


def centres_of_mass(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Row and column of each drawing (N, H, W): (N, 2)."""
    mass = images.sum(axis=(1, 2))
    sides = (images.sum(axis=2), images.sum(axis=1))  # along the columns, along the rows
    return np.stack([side @ np.arange(side.shape[1]) / mass for side in sides], axis=1)


def length(there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """From the first True of each row (N, W) to the last, both included; 0 where there is none."""
    last = there.shape[1] - there[:, ::-1].argmax(axis=1)
    return np.where(there.any(axis=1), last - there.argmax(axis=1), 0)


def box(ink: NDArray[np.floating], faint: float = FAINT) -> tuple[slice, slice]:
    """The rows and columns of a drawing (H, W) that hold ink; what is fainter than so much of the strongest is none.

    Raises:
        ValueError: there is none.
    """
    there = ink > faint * ink.max(initial=0)
    if not there.any():
        raise ValueError("nothing is drawn")
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
