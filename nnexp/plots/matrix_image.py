"""A matrix of coloured cells with a name for each row and column: confusion matrices and their differences.

C classes. Sizes are in pixels. The size of the image depends on the names alone, so that the matrices of all epochs lie
exactly upon each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import (
    FAINT,
    LABEL,
    LINES,
    MARGIN,
    NOTE,
    TEXT,
    WRONG,
    draw_heading,
    font,
    heading_height,
    shorten,
    text_width,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

GAP = 8
MIN_WIDTH = 470  # so that there is room for a title
MAX_NAME = 190
TAIL = 0.4  # of a name that is cut: names often differ in their ends
MIN_FONT = 9
MIN_SLANTED = 26  # columns narrower than this have vertical names
LUMINANCE = np.array((0.299, 0.587, 0.114))


@dataclass(frozen=True, kw_only=True)
class MatrixImage:
    """A matrix to draw.

    Attributes:
        title: above.
        notes: lines below it, in a small font.
        names: of the classes.
        colors: of the cells, (C, C, 3), true classes down, predicted ones across.
        texts: in the cells, (C, C); left out where they do not fit.
        row_texts: beside each row, (C,).
        heading: above these.
        text_color: of texts off the diagonal.
    """

    title: str
    notes: Sequence[str]
    names: Sequence[str]
    colors: NDArray[np.uint8]
    texts: NDArray[np.str_]
    row_texts: Sequence[str]
    heading: str
    text_color: str = WRONG

    def draw(self) -> "Image":
        """Draw the matrix."""
        from PIL import Image, ImageDraw

        n = len(self.names)
        cell = cell_size(n)
        size = min(LABEL, cell - 3)
        named = size >= MIN_FONT
        names = [shorten(name, size, MAX_NAME, TAIL) for name in self.names] if named else []
        longest = max((text_width(name, size) for name in names), default=0)
        angle = name_angle(cell, longest)
        below = {0: size + 2, 45: longest * 0.71 + size, 90: longest}[angle]
        left = int(MARGIN + LABEL + GAP + max(longest, longest * 0.71 - cell / 2 if angle == 45 else 0) + GAP)
        top = heading_height(self.notes) + LABEL + 4  # room for the heading of the row texts
        right, bottom = left + n * cell, top + n * cell
        beside = int(text_width("100.0%", size) + 2 * GAP if named else MARGIN)
        width, height = (
            max(MIN_WIDTH, right + beside + MARGIN),
            int(bottom + GAP + below + GAP + LABEL + MARGIN),
        )

        image = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(image)
        draw_heading(draw, self.title, self.notes, width - 2 * MARGIN)
        image.paste(Image.fromarray(draw_cells(self.colors, cell)), (left, top))
        self._draw_texts(draw, left, top, cell)
        draw.text(((left + right) / 2, height - MARGIN), "predicted class", FAINT, font(LABEL - 1), "ms")
        label = rotated_text("true class", LABEL - 1, 90)
        x, y = MARGIN + LABEL // 2 - label.width // 2, (top + bottom - label.height) // 2
        image.paste(FAINT, (x, y), label)
        if named:
            draw.text((right + GAP, top - 4), self.heading, FAINT, font(NOTE), "ls")
        for i, name in enumerate(names):
            middle = int((i + 0.5) * cell)
            draw.text((left - GAP, top + middle), name, TEXT, font(size), "rm")
            draw.text((right + GAP, top + middle), self.row_texts[i], FAINT, font(size), "lm")
            if angle == 0:
                draw.text((left + middle, bottom + GAP + size - 2), name, TEXT, font(size), "ms")
                continue
            label = rotated_text(name, size, angle)
            x_end, y_start = (
                (label.width // 2, 0) if angle == 90 else (label.width - int(size * 0.45), int(size * 0.2))
            )
            image.paste(TEXT, (left + middle - x_end, bottom + GAP - y_start), label)
        return image

    def _draw_texts(self, draw: "ImageDraw", left: int, top: int, cell: int) -> None:
        """Draw the texts of the cells: in one size on the diagonal and in one off it, each where its longest fits."""
        diagonal = np.eye(len(self.texts), dtype=bool)
        for where, color in ((diagonal, TEXT), (~diagonal, self.text_color)):
            longest = max(self.texts[where], key=len, default="")
            size = min(LABEL + 1, cell - 5, int(100 * (cell - 4) / max(1.0, text_width(longest, 100))))
            if size < MIN_FONT - 1:
                continue
            for row, column in zip(*np.nonzero(where & (self.texts != "")), strict=True):
                dark = self.colors[row, column] @ LUMINANCE < 140
                place = left + (column + 0.5) * cell, top + (row + 0.5) * cell
                draw.text(place, str(self.texts[row, column]), "white" if dark else color, font(size), "mm")


def cell_size(n: int) -> int:
    """Return the size of a cell of n classes: large where there are few, small where there are many."""
    return max(1, min(90, min(900, 560 + 12 * max(0, n - 10)) // n))


def name_angle(cell: int, longest: float) -> int:
    """Return the angle of the names below columns that are `cell` wide: 0, 45 or 90 degrees."""
    if cell < MIN_SLANTED:
        return 90 if longest > cell - 2 else 0
    return 45 if longest > cell - 4 else 0


def draw_cells(colors: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Draw colours (C, C, 3) as squares with lines between them, (C * cell, C * cell, 3)."""
    pixels = colors.repeat(cell, axis=0).repeat(cell, axis=1)
    if cell >= 6:
        line = np.array(list(bytes.fromhex(LINES[1:])), np.uint8)
        pixels[cell - 1 :: cell] = pixels[:, cell - 1 :: cell] = line
        pixels[0] = pixels[:, 0] = line
    return pixels


def rotated_text(text: str, size: int, angle: int) -> "Image":
    """Draw a rotated text as a mask; a slanted one is drawn larger and shrunk, which smooths it."""
    from PIL import Image, ImageDraw

    factor = 1 if angle == 90 else 3
    mask = Image.new("L", (int(text_width(text, size * factor)) + 2, int(size * factor * 1.3)))
    ImageDraw.Draw(mask).text((1, mask.height / 2), text, 255, font(size * factor), "lm")
    mask = mask.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    smaller = max(1, mask.width // factor), max(1, mask.height // factor)
    return mask if factor == 1 else mask.resize(smaller, Image.Resampling.LANCZOS)


def draw_side_by_side(images: Sequence["Image"]) -> "Image":
    """Put images beside each other."""
    from PIL import Image

    sheet = Image.new("RGB", (sum(i.width for i in images), max(i.height for i in images)), "white")
    x = 0
    for image in images:
        sheet.paste(image, (x, 0))
        x += image.width
    return sheet
