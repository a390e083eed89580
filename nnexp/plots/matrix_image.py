"""A square of coloured cells with a name to each row and column: what confusion matrices are painted on.

C classes. Everything is measured in pixels. The size of the picture depends on the names alone, so that the matrices of all
epochs lie exactly upon each other.
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
    fitted,
    font,
    head,
    head_height,
    length,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

GAP = 8
NARROWEST = 470  # so that there is room for a title
LONGEST_NAME = 190
TAIL = 0.4  # of a name that is cut: names often differ in their ends
SMALLEST = 9  # type that can be read
STEEP = 26  # cells narrower than this have names that stand upright


@dataclass(frozen=True)
class Grid:
    """What is to be painted.

    Attributes:
        title: above.
        notes: lines below it, in small type.
        names: of the classes.
        colours: of the cells, (C, C, 3) uint8, true classes down, predicted ones across.
        texts: in the cells, (C, C) str; left out where they find no room.
        side: what stands beside each row, (C,) str.
        heading: above these.
        beside: the colour of texts off the diagonal.
    """

    title: str
    notes: Sequence[str]
    names: Sequence[str]
    colours: NDArray[np.uint8]
    texts: NDArray[np.str_]
    side: Sequence[str]
    heading: str
    beside: str = WRONG

    def paint(self) -> "Image":
        """The picture."""
        from PIL import Image, ImageDraw

        n = len(self.names)
        cell = cell_size(n)
        size = min(LABEL, cell - 3)
        named = size >= SMALLEST
        names = [fitted(name, size, LONGEST_NAME, TAIL) for name in self.names] if named else []
        longest = max((length(name, size) for name in names), default=0)
        upright, slanted = cell < STEEP and longest > cell - 2, cell >= STEEP and longest > cell - 4
        below = longest if upright else longest * 0.71 + size if slanted else size + 2
        left = int(MARGIN + LABEL + GAP + max(longest, longest * 0.71 - cell / 2 if slanted else 0) + GAP)
        top = head_height(self.notes) + LABEL + 4  # room for the heading of the recalls
        beside = int(length("100.0%", size) + 2 * GAP if named else MARGIN)
        width = max(NARROWEST, left + n * cell + beside + MARGIN)
        height = int(top + n * cell + GAP + below + GAP + LABEL + MARGIN)

        image = Image.new("RGB", (width, height), "white")
        draw = ImageDraw.Draw(image)
        head(draw, self.title, self.notes, width - 2 * MARGIN)
        image.paste(Image.fromarray(cells(self.colours, cell)), (left, top))
        self.write(draw, left, top, cell)
        draw.text((left + n * cell / 2, height - MARGIN), "predicted class", FAINT, font(LABEL - 1), "ms")
        image.paste(
            *turned("true class", LABEL - 1, FAINT, 90, (MARGIN + LABEL // 2, top + n * cell // 2), "middle")
        )
        if named:
            draw.text((left + n * cell + GAP, top - 4), self.heading, FAINT, font(NOTE), "ls")
        for i, name in enumerate(names):
            middle = int((i + 0.5) * cell)
            draw.text((left - GAP, top + middle), name, TEXT, font(size), "rm")
            draw.text((left + n * cell + GAP, top + middle), self.side[i], FAINT, font(size), "lm")
            if upright or slanted:
                image.paste(
                    *turned(
                        name, size, TEXT, 90 if upright else 45, (left + middle, top + n * cell + GAP), "end"
                    )
                )
            else:
                draw.text((left + middle, top + n * cell + GAP + size - 2), name, TEXT, font(size), "ms")
        return image

    def write(self, draw: "ImageDraw", left: int, top: int, cell: int) -> None:
        """The texts in the cells: in one size on the diagonal and in one beside it, each where its longest finds room."""
        diagonal = np.eye(len(self.texts), dtype=bool)
        for where, color in ((diagonal, TEXT), (~diagonal, self.beside)):
            longest = max(self.texts[where], key=len, default="")
            size = min(LABEL + 1, cell - 5, int(100 * (cell - 4) / max(1.0, length(longest, 100))))
            if size < SMALLEST - 1:
                continue
            for row, column in zip(*np.nonzero(where & (self.texts != "")), strict=True):
                dark = self.colours[row, column] @ LUMINANCE < 140
                place = left + (column + 0.5) * cell, top + (row + 0.5) * cell
                draw.text(place, str(self.texts[row, column]), "white" if dark else color, font(size), "mm")


LUMINANCE = np.array((0.299, 0.587, 0.114))


def cell_size(n: int) -> int:
    """Of a grid of n classes: large where there are few, as small as need be where there are many."""
    return max(1, min(90, min(900, 560 + 12 * max(0, n - 10)) // n))


def cells(colours: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Colours (C, C, 3) as squares with lines between them, (C * cell, C * cell, 3)."""
    painted = colours.repeat(cell, axis=0).repeat(cell, axis=1)
    if cell >= 6:
        line = np.array([int(LINES[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
        painted[cell - 1 :: cell] = painted[:, cell - 1 :: cell] = line
        painted[0] = painted[:, 0] = line
    return painted


def turned(
    text: str, size: int, color: str, degrees: int, place: tuple[int, int], anchor: str
) -> tuple[str, tuple[int, int], "Image"]:
    """What `Image.paste` takes to write a turned text with its middle, or the right end of its upper edge, at `place`."""
    from PIL import Image, ImageDraw

    sharp = 1 if degrees == 90 else 3  # a slanted text is drawn larger and shrunk
    type_ = font(size * sharp)
    width, height = int(type_.getlength(text)) + 2, int(size * sharp * 1.3)
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).text((1, height / 2), text, 255, type_, "lm")
    mask = mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    if sharp > 1:
        mask = mask.resize(
            (max(1, mask.width // sharp), max(1, mask.height // sharp)), Image.Resampling.LANCZOS
        )
    x, y = place
    if anchor == "middle":
        return color, (x - mask.width // 2, y - mask.height // 2), mask
    right = mask.width // 2 if degrees == 90 else mask.width - int(size * 0.45)
    return color, (x - right, y - (0 if degrees == 90 else int(size * 0.2))), mask
