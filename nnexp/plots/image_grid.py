"""A picture of images before and after augmentation, side by side.

N images, C channels, H x W pixels.
"""

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 8  # images in a row
SIDE = 620  # pixels on the screen, about, of one of the two panels
MARGIN, HEAD = 24, 64  # likewise: around the panels, above them for titles
DPI = 100
COLOURS = 3
FRAME = 0.9  # how light the lines between the images are


def gallery(
    before: NDArray[Any], after: NDArray[Any], shape: tuple[int, ...], title: str, labels: tuple[str, str]
) -> "Figure":
    """Two panels of images, eight in a row: the same place in both is the same image.

    Grey images are dark on white; three channels are red, green and blue; of another number the mean is shown. A pixel of an
    image is a whole number of pixels on the screen, so that nothing is blurred.

    Args:
        before: (N, C*H*W) in [0, 1].
        after: likewise.
        shape: of one image, (H, W) or (C, H, W).
        title: above both.
        labels: above each.
    """
    from matplotlib.figure import Figure

    sheets = [sheet(x, shape) for x in (before, after)]
    zoom = max(1, round(SIDE / max(sheets[0].shape[:2])))
    height, width = (zoom * side for side in sheets[0].shape[:2])
    full_width, full_height = 2 * width + 3 * MARGIN, height + HEAD + MARGIN
    figure = Figure(figsize=(full_width / DPI, full_height / DPI), dpi=DPI, facecolor="white")
    figure.text(MARGIN / full_width, 1 - 14 / full_height, title, va="top", fontsize=11)
    for i, (image, label) in enumerate(zip(sheets, labels, strict=True)):
        left, bottom = MARGIN + i * (width + MARGIN), MARGIN
        axes = figure.add_axes(
            (left / full_width, bottom / full_height, width / full_width, height / full_height)
        )
        axes.imshow(image, interpolation="nearest", aspect="auto")
        axes.set_title(label, fontsize=9, color="#666666", loc="left", pad=5)
        axes.set_axis_off()
    return figure


def sheet(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Images (N, C*H*W) laid out in rows of eight with a line of one pixel between them: (rows, columns, 3)."""
    channels, height, width = shape if len(shape) == 3 else (1, *shape)
    images = x.reshape(-1, channels, height, width)
    if channels != COLOURS:
        images = images.mean(axis=1, keepdims=True)
    if channels != COLOURS:
        images = 1 - images  # dark on white
    down, across = ceil(len(images) / ACROSS), min(ACROSS, len(images))
    tiles = np.ones((down * across, images.shape[1], height + 1, width + 1))
    tiles[:, :, height], tiles[..., width] = FRAME, FRAME
    tiles[: len(images), :, :height, :width] = images
    rows = tiles.reshape(down, across, -1, height + 1, width + 1).transpose(0, 3, 1, 4, 2)
    laid_out = rows.reshape(down * (height + 1), across * (width + 1), -1)[:-1, :-1].clip(0, 1)
    return np.broadcast_to(laid_out, (*laid_out.shape[:2], COLOURS))
