"""Small pictures in rows, each with lines of text below it.

K images of H x W pixels.
"""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import MARGIN, NOTE, TITLE, fitted, font, head, head_height, length

if TYPE_CHECKING:
    from PIL.Image import Image

ACROSS = 8
SIDE = 96  # of a tile, about, in pixels on the screen
GAP = 6
CAPTION = 12  # type
COLOURS = 3
Line = tuple[str, str]
"""A text and its colour."""


def tiles(
    images: NDArray[np.uint8], title: str, notes: Sequence[str], captions: Sequence[Sequence[Line]] = ()
) -> "Image":
    """Paint them.

    Args:
        images: (K, H, W, 3).
        title: above.
        notes: lines below it, in small type.
        captions: lines below each image; none, or as many for each.
    """
    from PIL import Image, ImageDraw

    height, width = images.shape[1:3]
    zoom = SIDE / max(height, width)
    zoom = int(zoom) if zoom >= 1 else zoom  # a pixel is a whole number of pixels, so that nothing is blurred
    w, h = max(1, int(width * zoom)), max(1, int(height * zoom))
    room = max(w, SIDE) if captions else w
    across = min(ACROSS, len(images))
    lines = max(map(len, captions), default=0)
    across_px, down_px = (
        room + (2 * GAP if captions else GAP),
        h + GAP + (lines * (CAPTION + 3) + GAP if lines else 0),
    )
    longest = max([length(title, TITLE), *(length(note, NOTE) for note in notes)])
    full = 2 * MARGIN + max(across * across_px, int(longest))
    top = head_height(notes)

    sheet = Image.new("RGB", (full, top + ceil(len(images) / across) * down_px + MARGIN - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    head(draw, title, notes, full)
    kind = Image.Resampling.NEAREST if zoom >= 1 else Image.Resampling.LANCZOS
    for i, image in enumerate(images):
        x, y = MARGIN + i % across * across_px, top + i // across * down_px
        sheet.paste(Image.fromarray(image).resize((w, h), kind), (x, y))
        if captions:
            draw.rectangle((x - 1, y - 1, x + w, y + h), outline="#dddddd")
        for j, (text, color) in enumerate(captions[i] if captions else ()):
            draw.text((x, y + h + 3 + j * (CAPTION + 3)), fitted(text, CAPTION, room), color, font(CAPTION))
    return sheet


def displayed(images: NDArray[Any], scale: float) -> NDArray[np.uint8]:
    """Stored images (K, H, W) or (K, C, H, W) as colours, (K, H, W, 3): three channels are red, green and blue; grey is dark on white."""
    if images.ndim == 3:
        images = images[:, None]
    values = (images * scale).clip(0, 1)
    if values.shape[1] != COLOURS:
        values = np.broadcast_to(
            1 - values.mean(axis=1, keepdims=True), (len(values), COLOURS, *values.shape[2:])
        )
    return np.ascontiguousarray((255 * values).round().astype(np.uint8).transpose(0, 2, 3, 1))
