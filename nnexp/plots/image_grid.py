"""Grids of small images, with captions, beside each other under one title.

K images of C channels, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nnexp.plots import style
from nnexp.plots.text import draw_text, shorten, text_width

COLUMNS = 8
SIDE, GAP = 96, 6
CAPTION_LINE = style.NOTE + 3
RGB = 3
Caption = Sequence[tuple[str, str]]
"""Lines below an image, each a text and its colour."""


@dataclass(frozen=True, kw_only=True)
class ImageGrid:
    """Images in rows of eight."""

    images: NDArray[np.uint8]  # (K, H, W, 3)
    captions: Sequence[Caption] = ()  # one for each image, of as many lines each; or none
    label: str = ""  # above the grid
    side: int = SIDE  # of an image on the screen, about; small ones are enlarged by a whole number: no blur

    def draw(self) -> Image.Image:
        """Draw the grid."""
        image_height, image_width = self.images.shape[1:3]
        zoom = self.side / max(image_height, image_width)
        resampling = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.LANCZOS
        zoom = int(zoom) if zoom >= 1 else zoom
        width, height = max(1, int(image_width * zoom)), max(1, int(image_height * zoom))
        lines = max(map(len, self.captions), default=0)
        tile_width = max(width, self.side) + GAP if lines else width
        step_x = tile_width + GAP
        step_y = height + GAP + (lines * CAPTION_LINE + GAP if lines else 0)
        columns = min(COLUMNS, len(self.images))
        rows = ceil(len(self.images) / COLUMNS)
        top = style.NOTE_LINE if self.label else 1
        grid = Image.new("RGB", (columns * step_x - GAP + 2, top + rows * step_y - GAP + 1), "white")
        draw = ImageDraw.Draw(grid)
        draw_text(draw, (1, 0), self.label, style.FAINT, style.NOTE)
        for i, pixels in enumerate(self.images):
            x = 1 + i % COLUMNS * step_x
            y = top + i // COLUMNS * step_y
            grid.paste(Image.fromarray(pixels).resize((width, height), resampling), (x, y))
            draw.rectangle((x - 1, y - 1, x + width, y + height), outline="#dddddd")
            for j, (text, color) in enumerate(self.captions[i] if self.captions else ()):
                line = shorten(text, style.NOTE, tile_width)
                draw_text(draw, (x, y + height + 3 + j * CAPTION_LINE), line, color, style.NOTE)
        return grid


def draw_grids(title: str, notes: Sequence[str], *grids: ImageGrid) -> Image.Image:
    """Draw grids beside each other, below a title and notes."""
    row = style.draw_side_by_side([grid.draw() for grid in grids], 2 * style.MARGIN)
    top = style.heading_height(notes)
    texts = [text_width(title, style.TITLE), *(text_width(note, style.NOTE) for note in notes)]
    width = max(row.width, ceil(max(texts)))
    sheet = Image.new("RGB", (width + 2 * style.MARGIN, top + row.height + style.MARGIN), "white")
    style.draw_heading(ImageDraw.Draw(sheet), title, notes, width)
    sheet.paste(row, (style.MARGIN, top))
    return sheet


def to_rgb(images: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Convert images (K, H, W) or (K, C, H, W), times `scale` in [0, 1], to (K, H, W, 3).

    Three channels are RGB; others are averaged, dark on white.
    """
    if images.ndim == 3:
        images = images[:, None]
    values = (images * scale).clip(0, 1)
    if values.shape[1] != RGB:
        values = (1 - values.mean(axis=1, keepdims=True)).repeat(RGB, axis=1)
    return np.ascontiguousarray((255 * values).round().astype(np.uint8).transpose(0, 2, 3, 1))
