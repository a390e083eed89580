"""A matrix of coloured cells with a name for each row and column: confusion matrices and their differences.

C classes. Sizes are in pixels. That of the image depends on the names alone: it is the same for all epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from nnexp.plots import style
from nnexp.plots.style import FAINT, LABEL, LINES, MARGIN, NOTE, TEXT, WRONG
from nnexp.plots.text import draw_text, shorten, text_width

GAP = 8
MIN_WIDTH = 470  # so that there is room for a title
MAX_NAME = 190
TAIL = 0.4  # of a name that is cut: names often differ in their ends
MIN_FONT = 9
LUMINANCE = np.array((0.299, 0.587, 0.114))


@dataclass(frozen=True, kw_only=True)
class MatrixImage:
    """A matrix to draw."""

    title: str  # above
    notes: Sequence[str]  # lines below it, in a small font
    names: Sequence[str]  # of the classes
    colors: NDArray[np.uint8]  # of the cells, (C, C, 3), true classes down, predicted ones across
    texts: NDArray[np.str_]  # in the cells, (C, C); left out where they do not fit
    row_texts: Sequence[str]  # beside each row, (C,)
    heading: str  # above these
    text_color: str = WRONG  # of texts off the diagonal

    def draw(self) -> Image.Image:
        """Draw the matrix."""
        n = len(self.names)
        cell = max(1, min(90, min(900, 560 + 12 * max(0, n - 10)) // n))
        size = min(LABEL, cell - 3)
        names = [shorten(name, size, MAX_NAME, TAIL) for name in self.names] if size >= MIN_FONT else []
        longest = int(max((text_width(name, size) for name in names), default=0))
        vertical = longest > cell - 4
        left = MARGIN + LABEL + GAP + longest + GAP
        top = style.heading_height(self.notes) + LABEL + 4  # room for the heading of the row texts
        right, bottom = left + n * cell, top + n * cell
        beside = int(text_width("100.0%", size)) + 2 * GAP if names else MARGIN
        width = max(MIN_WIDTH, right + beside + MARGIN)
        height = bottom + GAP + (longest if vertical else size + 2) + GAP + LABEL + MARGIN

        image = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(image)
        style.draw_heading(draw, self.title, self.notes, width - 2 * MARGIN)
        image.paste(Image.fromarray(draw_cells(self.colors, cell)), (left, top))
        self._draw_texts(draw, left, top, cell)
        place = (left + right) / 2, height - MARGIN
        draw_text(draw, place, "predicted class", FAINT, LABEL - 1, "ms")
        label = vertical_text("true class", LABEL - 1)
        image.paste(FAINT, (MARGIN, (top + bottom - label.height) // 2), label)
        if names:
            draw_text(draw, (right + GAP, top - 4), self.heading, FAINT, NOTE, "ls")
        for i, name in enumerate(names):
            middle = int((i + 0.5) * cell)
            draw_text(draw, (left - GAP, top + middle), name, TEXT, size, "rm")
            draw_text(draw, (right + GAP, top + middle), self.row_texts[i], FAINT, size, "lm")
            if vertical:
                label = vertical_text(name, size)
                image.paste(TEXT, (left + middle - label.width // 2, bottom + GAP), label)
            else:
                draw_text(draw, (left + middle, bottom + GAP + size - 2), name, TEXT, size, "ms")
        return image

    def _draw_texts(self, draw: ImageDraw.ImageDraw, left: int, top: int, cell: int) -> None:
        """Draw the texts of the cells, in one size on the diagonal and one off it, where the longest fits."""
        diagonal = np.eye(len(self.texts), dtype=bool)
        for where, color in ((diagonal, TEXT), (~diagonal, self.text_color)):
            longest = max(self.texts[where], key=len, default="")
            fitting = int(100 * (cell - 4) / max(1.0, text_width(longest, 100)))
            size = min(LABEL + 1, cell - 5, fitting)
            if size < MIN_FONT - 1:
                continue
            for row, column in zip(*np.nonzero(where & (self.texts != "")), strict=True):
                fill = "white" if self.colors[row, column] @ LUMINANCE < 140 else color
                place = left + (column + 0.5) * cell, top + (row + 0.5) * cell
                draw_text(draw, place, str(self.texts[row, column]), fill, size, "mm")


def draw_cells(colors: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Draw colours (C, C, 3) as squares with lines between them, (C * cell, C * cell, 3)."""
    pixels = colors.repeat(cell, axis=0).repeat(cell, axis=1)
    if cell >= 6:
        line = np.array(list(bytes.fromhex(LINES[1:])), np.uint8)
        pixels[cell - 1 :: cell] = pixels[:, cell - 1 :: cell] = line
        pixels[0] = pixels[:, 0] = line
    return pixels


def vertical_text(text: str, size: int) -> Image.Image:
    """Draw a text from bottom to top, as a mask."""
    mask = Image.new("L", (int(text_width(text, size)) + 2, int(size * 1.3)))
    draw_text(ImageDraw.Draw(mask), (1, mask.height / 2), text, 255, size, "lm")
    return mask.rotate(90, expand=True)
