"""What all pictures of a run share: colours, type, resolution, and the way to the disk.

Sheets of cells and tiles are painted by Pillow, a tenth of the time that axes with a hundred texts take; what has axes is drawn
by matplotlib, with margins of its own instead of a layout that is solved for each picture.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

TRAIN, VALIDATION, BEST, RATE = "#4c78a8", "#e45756", "#888888", "#54a24b"
SERIES = (
    "#4c78a8",
    "#f58518",
    "#54a24b",
    "#e45756",
    "#b279a2",
    "#72b7b2",
    "#9d755d",
    "#eeca3b",
    "#ff9da6",
    "#8c8c8c",
)
TEXT, FAINT, WRONG, LINES = "#222222", "#666666", "#b3202c", "#e4e4e4"
DPI = 110
TITLE, LABEL, NOTE = 18, 14, 12
"""Sizes of type on painted sheets, in pixels."""
NOTE_LINE = 18  # from one small line to the next
MARGIN = 16  # around painted sheets
COMPRESSION = 2  # of PNG files: a fifth larger than with the usual 6, in a third of the time


@cache
def font(size: int) -> "FreeTypeFont":
    """The type that matplotlib writes in, in pixels."""
    from PIL import ImageFont

    matplotlib = find_spec("matplotlib")  # found, not imported: that takes a while
    assert matplotlib is not None
    assert matplotlib.origin is not None
    return ImageFont.truetype(
        str(Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )


def length(text: str, size: int) -> float:
    """How many pixels a text is long."""
    return float(font(size).getlength(text))


def fitted(text: str, size: int, room: float, tail: float = 0.0) -> str:
    """A text on one line, cut where it is longer than `room` pixels; of what is left, a share of `tail` is its end."""
    text = " ".join(text.split())
    if length(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 0, -1):
        end = int(kept * tail)
        cut = f"{text[: kept - end].rstrip()}…{text[len(text) - end :]}"
        if length(cut, size) <= room:
            return cut
    return "…"


def head(draw: "ImageDraw", text: str, notes: Sequence[str], room: float) -> None:
    """Write a title and small lines below it into the corner of a painted sheet."""
    draw.text((MARGIN, MARGIN), fitted(text, TITLE, room), TEXT, font(TITLE))
    for i, note in enumerate(notes):
        draw.text((MARGIN, MARGIN + TITLE + 8 + i * NOTE_LINE), fitted(note, NOTE, room), FAINT, font(NOTE))


def head_height(notes: Sequence[str]) -> int:
    """Where the sheet begins below them."""
    return MARGIN + TITLE + 14 + len(notes) * NOTE_LINE


def literal(text: str) -> str:
    """A name as matplotlib takes it: on one line, a dollar being a dollar and no formula's beginning."""
    return " ".join(text.split()).replace("$", r"\$")


def panel(
    figure: "Figure",
    left: float,
    bottom: float,
    width: float,
    height: float,
    across: str = "",
    up: str = "",
    room: float = 0.5,
) -> "Axes":
    """Axes in the look of the house, their corner `left` and `bottom` inches from the figure's, `width` and `height` inches large.

    The places of labels are told instead of sought: matplotlib seeks them by measuring every number on an axis, several times.

    Args:
        figure: of a known size.
        left: inches, as are the next three.
        bottom: from below.
        width: of the axes alone, without numbers and labels.
        height: likewise.
        across: what is told along the x axis.
        up: likewise.
        room: inches between the y axis and what is told of it.
    """
    whole, tall = figure.get_size_inches()
    axes = figure.add_axes((left / whole, bottom / tall, width / whole, height / tall))
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    if across:
        axes.set_xlabel(across, fontsize=9)
    if up:
        axes.set_ylabel(up, fontsize=9)
    axes.xaxis.set_label_coords(0.5, -0.29 / height)
    axes.yaxis.set_label_coords(-room / width, 0.5)
    return axes


def title(axes: "Axes", text: str, size: float = 11) -> None:
    """A title above axes, at a place that is told, too."""
    axes.set_title(text, fontsize=size, y=1 + 8 / axes.bbox.height, pad=0)


def save(picture: "Figure | Image", path: Path) -> None:
    """Write a PNG file, whole or not at all."""
    from matplotlib.figure import Figure

    content = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(content, format="png", pil_kwargs={"compress_level": COMPRESSION})
    else:
        picture.save(content, "PNG", compress_level=COMPRESSION)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
