"""Text in pictures: on one line, cut to fit, drawn in fonts that have its glyphs; sizes are in pixels."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from nnexp.messages import one_line
from nnexp.plots import fonts

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

LEGEND = "names.txt"  # in a run's folder: the names to the numbers in its plots
UNKNOWN = "?"  # instead of a character that no font has
RIGHT_TO_LEFT = ("R", "AL")  # of Unicode: Hebrew, Arabic
LEFT_TO_RIGHT = "\u200e"  # a mark


@cache
def font(size: int, file: str = "") -> "FreeTypeFont":
    """Return a font, by default that of matplotlib."""
    from PIL import ImageFont

    return ImageFont.truetype(file or fonts.primary_font(), size)


def printable(text: str) -> str:
    """Put a text on one line, with composed characters, without variants of emoji."""
    composed = unicodedata.normalize("NFC", one_line(text))
    return composed.replace("\ufe0e", "").replace("\ufe0f", "")


def drawable(text: str) -> str:
    """Return a text on one line, with ? for what no installed font has, and the line from left to right."""
    text = printable(text)
    if not fonts.can_draw(text):
        split = fonts.clusters(text)
        text = "".join(cluster if fonts.can_draw(cluster) else UNKNOWN for cluster in split)
    from_right = not text.isascii() and any(unicodedata.bidirectional(c) in RIGHT_TO_LEFT for c in text)
    return f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}" if from_right else text


def numbered(names: Sequence[str], noun: str) -> tuple[str, ...]:
    """Return names for pictures: "class 3" instead of the one with index 3 if no installed font has it.

    Names without a visible character, or that differ in invisible ones only, are numbered too.
    """
    lines = [printable(name) for name in names]
    visible = ["".join(c for c in line if unicodedata.category(c) != "Cf") for line in lines]
    counts = Counter(visible)
    fonts.find_fonts("".join(lines))  # of all at once: fonts are searched only once
    seen = (text != "" and counts[text] == 1 for text in visible)
    as_it_is = (good and fonts.can_draw(line) for good, line in zip(seen, lines, strict=True))
    return tuple(lines[i] if good else f"{noun} {i}" for i, good in enumerate(as_it_is))


def numbering_note(names: Sequence[str]) -> tuple[str, ...]:
    """Return a note where names are numbered; else none."""
    as_it_is = numbered(names, "class") == tuple(map(printable, names))
    return () if as_it_is else (f"the names of the numbered ones: see {LEGEND}",)


def cut(text: str, max_length: int) -> str:
    """Cut a text to so many characters."""
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def escape(text: str, max_length: int | None = None) -> str:
    """Return a name as matplotlib takes it: its fonts registered, a dollar no formula's beginning.

    A label that begins with _ would be left out of legends.
    """
    text = drawable(text)
    if max_length is not None:
        text = cut(text, max_length)
    fonts.register_fonts(text)
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def text_width(text: str, size: int) -> float:
    """Return the width of a text in pixels."""
    return sum(float(font(size, file).getlength(run)) for run, file in fonts.split_by_font(text))


def shorten(text: str, size: int, max_width: float, tail: float = 0.0) -> str:
    """Make a text drawable and cut it to `max_width` pixels, keeping a share of `tail` from its end."""
    text = drawable(text)
    if text_width(text, size) <= max_width:
        return text
    least, most = 0, len(text)  # characters that are kept
    while least < most:  # bisection: a name may be a page long
        kept = (least + most + 1) // 2
        if text_width(_without_middle(text, kept, tail), size) <= max_width:
            least = kept
        else:
            most = kept - 1
    return _without_middle(text, least, tail)


def _without_middle(text: str, kept: int, tail: float) -> str:
    end = int(kept * tail)
    return f"{text[: kept - end].rstrip()}…{text[len(text) - end :]}"


def draw_text(
    draw: "ImageDraw", xy: tuple[float, float], text: str, color: str | int, size: int, anchor: str = "la"
) -> None:
    """Draw a text at a place that `anchor` describes as in Pillow, in as many fonts as it needs."""
    runs = fonts.split_by_font(text)
    if len(runs) == 1 and runs[0][1] == fonts.primary_font():
        draw.text(xy, text, color, font(size), anchor)
        return
    ascent, descent = font(size).getmetrics()
    x = xy[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * text_width(text, size)
    baseline = xy[1] + {"a": ascent, "m": (ascent - descent) / 2, "s": 0}[anchor[1]]
    for run, file in runs:
        draw.text((x, baseline), run, color, font(size, file), "ls")
        x += font(size, file).getlength(run)
