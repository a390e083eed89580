"""The style of all plots: palette, fonts, resolution, axes, and writing image files.

Matrices and image grids are drawn with Pillow, in a tenth of the time that axes with a hundred texts take;
axes with matplotlib, at given positions instead of a layout that is solved for each figure.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.atomic_write import write_atomically
from nnexp.plots.text import draw_text, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

COLORS = (
    *("#4c78a8", "#f58518", "#54a24b", "#e45756", "#b279a2"),
    *("#72b7b2", "#9d755d", "#eeca3b", "#ff9da6", "#8c8c8c"),
)
"""Of runs, classes, settings, in this order."""
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"  # of pages, SVG
TRAIN = COLORS[0]
VALIDATION = COLORS[3]
RATE = COLORS[2]
REFERENCE = "#888888"
TEXT, FAINT, WRONG, LINES = "#222222", "#666666", "#b3202c", "#e4e4e4"
COLORMAPS = {
    "Blues": "f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b",
    "RdBu": "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061",
}
"""Colours from 0 to 1 (ColorBrewer 2.0); written out: the upload process does not import matplotlib."""
DPI = 110
MAX_MARKED = 40  # points of a curve beyond which they have no marks
TITLE, LABEL, NOTE = 18, 14, 12  # font sizes of images, in pixels
NOTE_LINE = 18  # from one line of notes to the next
MARGIN = 16  # around images
COMPRESSION = 2  # of PNG files: a fifth larger than with the usual 6, in a third of the time


def new_figure(width: float, height: float, layout: Any = None) -> "Figure":
    """Make an empty figure of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout=layout)


def style_axes(axes: "Axes", xlabel: str = "", ylabel: str = "", title: str = "") -> None:
    """Give axes a faint grid, no frame at the top and right, small numbers and labels."""
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    family = font_family()
    axes.set_xlabel(xlabel, fontsize=9, fontfamily=family)
    axes.set_ylabel(ylabel, fontsize=9, fontfamily=family)
    axes.set_title(title, fontsize=11, fontfamily=family)


def font_family() -> list[str]:
    """Return matplotlib's fonts with those that names have needed since the axes were made."""
    import matplotlib as mpl

    return list(mpl.rcParams["font.family"])


def add_axes(
    figure: "Figure",
    box: tuple[float, float, float, float],
    xlabel: str = "",
    ylabel: str = "",
    ylabel_gap: float = 0.5,
) -> "Axes":
    """Add axes at (left, bottom, width, height) and a label `ylabel_gap` from the y axis, all in inches.

    Positions are given because matplotlib finds those of labels by measuring every number several times.
    """
    full_width, full_height = figure.get_size_inches()
    left, bottom, width, height = box
    axes = figure.add_axes(
        (left / full_width, bottom / full_height, width / full_width, height / full_height)
    )
    style_axes(axes, xlabel, ylabel)
    axes.xaxis.set_label_coords(0.5, -0.29 / height)
    axes.yaxis.set_label_coords(-ylabel_gap / width, 0.5)
    return axes


def set_title(axes: "Axes", text: str, size: float = 11) -> None:
    """Set the title of axes at a given position."""
    axes.set_title(text, fontsize=size, fontfamily=font_family(), y=1 + 8 / axes.bbox.height, pad=0)


def plot_curve(axes: "Axes", x: Sequence[float], y: Sequence[float], **style: Any) -> None:
    """Plot a line, with marks where it has few points."""
    axes.plot(x, y, marker="o" if len(x) <= MAX_MARKED else None, **{"markersize": 3} | style)


def evenly_spaced(n: int, most: int) -> NDArray[np.int64]:
    """Return at most so many indices of n items, with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def save(plot: "Figure | Image", path: Path) -> None:
    """Write an image file in the format of its suffix."""
    from PIL.Image import Image

    kind = path.suffix.removeprefix(".").lower()

    def write(file: IO[bytes]) -> None:
        if kind == "png" and isinstance(plot, Image):
            plot.save(file, "PNG", compress_level=COMPRESSION)
        else:
            options: dict[str, Any] = {"pil_kwargs": {"compress_level": COMPRESSION}} if kind == "png" else {}
            as_figure(plot).savefig(file, format=kind, **options)

    write_atomically(path, write)


def as_figure(plot: "Figure | Image") -> "Figure":
    """Put an image into a figure of the same size, which can also be written as SVG and PDF."""
    from PIL.Image import Image

    if not isinstance(plot, Image):
        return plot
    figure = new_figure(plot.width / DPI, plot.height / DPI)
    figure.figimage(np.asarray(plot))
    return figure


def draw_side_by_side(images: Sequence["Image"], gap: int = 0) -> "Image":
    """Put images beside each other."""
    from PIL import Image

    width = sum(image.width + gap for image in images) - gap
    sheet = Image.new("RGB", (width, max(image.height for image in images)), "white")
    x = 0
    for image in images:
        sheet.paste(image, (x, 0))
        x += image.width + gap
    return sheet


def draw_heading(draw: "ImageDraw", title: str, notes: Sequence[str], max_width: float) -> None:
    """Draw a title, and notes below it, in the upper left corner of an image."""
    draw_text(draw, (MARGIN, MARGIN), shorten(title, TITLE, max_width), TEXT, TITLE)
    for i, note in enumerate(notes):
        y = MARGIN + TITLE + 8 + i * NOTE_LINE
        draw_text(draw, (MARGIN, y), shorten(note, NOTE, max_width), FAINT, NOTE)


def heading_height(notes: Sequence[str]) -> int:
    """Return the height of title and notes."""
    return MARGIN + TITLE + 14 + len(notes) * NOTE_LINE


def apply_colormap(values: NDArray[np.floating], name: str) -> NDArray[np.uint8]:
    """Map numbers in [0, 1] to colours (..., 3); the start of Blues and the middle of RdBu are white."""
    stops = np.array([list(bytes.fromhex(color)) for color in COLORMAPS[name].split()])
    positions = np.linspace(0, 1, len(stops))
    channels = [np.interp(values, positions, channel) for channel in stops.T]
    colors = np.stack(channels, axis=-1).round().astype(np.uint8)
    colors[values == (0.5 if name == "RdBu" else 0)] = 255
    return colors
