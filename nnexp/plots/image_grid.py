"""Grids of small images, with captions, beside each other under one title.

K images of C channels, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import (
    FAINT,
    MARGIN,
    NOTE,
    NOTE_LINE,
    TITLE,
    draw_heading,
    font,
    heading_height,
    shorten,
    text_width,
)

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 8
GAP = 6
CAPTION_LINE = NOTE + 3
RGB = 3
Caption = Sequence[tuple[str, str]]
"""Lines below an image, each a text and its colour."""


@dataclass(frozen=True, kw_only=True)
class ImageGrid:
    """Images in rows of eight.

    Attributes:
        images: (K, H, W, 3).
        captions: one for each image, of as many lines each; or none.
        label: above the grid.
        side: of an image on the screen, about; small ones are enlarged by a whole number, so that they are not blurred.
    """

    images: NDArray[np.uint8]
    captions: Sequence[Caption] = ()
    label: str = ""
    side: int = 96

    def draw(self) -> "Image":
        """Draw the grid."""
        from PIL import Image, ImageDraw

        image_height, image_width = self.images.shape[1:3]
        zoom = self.side / max(image_height, image_width)
        resampling = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.LANCZOS
        zoom = int(zoom) if zoom >= 1 else zoom
        width, height = max(1, int(image_width * zoom)), max(1, int(image_height * zoom))
        tile_width = max(width, self.side) + GAP if self.captions else width
        lines = max(map(len, self.captions), default=0)
        step_x, step_y = tile_width + GAP, height + GAP + (lines * CAPTION_LINE + GAP if lines else 0)
        columns, rows = min(COLUMNS, len(self.images)), ceil(len(self.images) / COLUMNS)
        top = NOTE_LINE if self.label else 1

        grid = Image.new("RGB", (columns * step_x - GAP + 2, top + rows * step_y - GAP + 1), "white")
        draw = ImageDraw.Draw(grid)
        draw.text((1, 0), self.label, FAINT, font(NOTE))
        for i, pixels in enumerate(self.images):
            x, y = 1 + i % COLUMNS * step_x, top + i // COLUMNS * step_y
            grid.paste(Image.fromarray(pixels).resize((width, height), resampling), (x, y))
            draw.rectangle((x - 1, y - 1, x + width, y + height), outline="#dddddd")
            for j, (text, color) in enumerate(self.captions[i] if self.captions else ()):
                place = x, y + height + 3 + j * CAPTION_LINE
                draw.text(place, shorten(text, NOTE, tile_width), color, font(NOTE))
        return grid


def draw_grids(title: str, notes: Sequence[str], *grids: ImageGrid) -> "Image":
    """Draw grids beside each other, below a title and notes."""
    from PIL import Image, ImageDraw

    drawn = [grid.draw() for grid in grids]
    top = heading_height(notes)
    inner_width = sum(grid.width for grid in drawn) + 2 * MARGIN * (len(drawn) - 1)
    text_widths = [text_width(title, TITLE), *(text_width(note, NOTE) for note in notes)]
    width = max(inner_width, int(max(text_widths)) + 1)
    image = Image.new("RGB", (width + 2 * MARGIN, top + max(grid.height for grid in drawn) + MARGIN), "white")
    draw_heading(ImageDraw.Draw(image), title, notes, width)
    x = MARGIN
    for grid in drawn:
        image.paste(grid, (x, top))
        x += grid.width + 2 * MARGIN
    return image


def to_rgb(images: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Convert images (K, H, W) or (K, C, H, W) to (K, H, W, 3): three channels are RGB, others are averaged, dark on white.

    Args:
        images: of any type.
        scale: brings them to [0, 1].
    """
    if images.ndim == 3:
        images = images[:, None]
    values = (images * scale).clip(0, 1)
    if values.shape[1] != RGB:
        grey = 1 - values.mean(axis=1, keepdims=True)
        values = np.broadcast_to(grey, (len(grey), RGB, *grey.shape[2:]))
    return np.ascontiguousarray((255 * values).round().astype(np.uint8).transpose(0, 2, 3, 1))
