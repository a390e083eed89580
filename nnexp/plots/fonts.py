"""Fonts for names in any script: that of matplotlib, and installed ones for the characters that it lacks.

Fonts are searched for when a name needs it, not in matplotlib's list, which does not notice new fonts.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

COMMON = ((0x20, 0x24F), (0x384, 0x525), (0x2010, 0x2027), (0x2190, 0x22FF))
"""Ranges that the font of matplotlib has: Latin, Greek, Cyrillic, punctuation, arrows, operators."""
JOINER = "\u200d"
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
UNUSABLE = ("color", "lastresort", "blank")  # in file names: without outlines, or a box for every character
STYLES = (
    "bold",
    "italic",
    "oblique",
    "light",
    "thin",
    "black",
    "medium",
    "condensed",
    "serif",
    "mono",
    "unifont",
)
PACKAGES = {"fonts-noto-cjk": ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO")}
"""Of Debian, for characters whose names begin so."""
_font_by_character: dict[str, str | None] = {}  # the font of each character that was searched for


@cache
def primary_font() -> str:
    """Return the file of the font that matplotlib uses, without the time that its import takes."""
    package = Path(find_spec("matplotlib").origin).parent  # type: ignore[union-attr, arg-type]
    return str(package / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")


def can_draw(text: str) -> bool:
    """Return whether every character has a font."""
    find_fonts(text)
    return all(_font_of(cluster) for cluster in clusters(text))


def missing_characters(texts: Iterable[str]) -> str:
    """Return the characters that no font has, without repetition."""
    return "".join(dict.fromkeys(c for text in texts for c in text if needs_glyph(c) and not can_draw(c)))


def split_by_font(text: str) -> list[tuple[str, str]]:
    """Split a text into runs, each with the file of its font: one run where one font has all of it."""
    if all_common(text):
        return [(text, primary_font())]
    find_fonts(text)
    fonts = {_font_of(cluster) or primary_font() for cluster in clusters(text)}
    for font in (primary_font(), *sorted(fonts)):
        if has_glyphs(font, text):
            return [(text, font)]
    runs: list[tuple[str, str]] = []
    for cluster in clusters(text):
        font = _font_of(cluster) or primary_font()
        if runs and (font == runs[-1][1] or has_glyphs(runs[-1][1], cluster)):
            runs[-1] = runs[-1][0] + cluster, runs[-1][1]
        else:
            runs.append((cluster, font))
    return runs


def clusters(text: str) -> list[str]:
    """Split a text into characters, each with the marks and joined characters that follow it."""
    groups: list[str] = []
    for c in text:
        follows = unicodedata.category(c)[0] == "M" or c == JOINER or c in SKIN_TONES
        if groups and (follows or groups[-1][-1] == JOINER):
            groups[-1] += c
        else:
            groups.append(c)
    return groups


def find_fonts(text: str) -> None:
    """Search the fonts of all characters of a text, those of matplotlib and of names before it first."""
    wanted = {c for c in text if needs_glyph(c) and not is_common(c) and c not in _font_by_character}
    if not wanted:
        return
    used = [font for font in dict.fromkeys(_font_by_character.values()) if font]
    for font in (primary_font(), *used, *_installed_fonts()):
        having = {c for c in wanted if has_glyphs(font, c)}
        _font_by_character.update(dict.fromkeys(having, font))
        wanted -= having
    _font_by_character.update(dict.fromkeys(wanted))


def package_for(characters: str) -> str:
    """Return the Debian package whose fonts have such characters."""
    name = unicodedata.name(characters[0], "")
    for package, starts in PACKAGES.items():
        if name.startswith(starts):
            return package
    return "fonts-symbola" if unicodedata.category(characters[0]) == "So" else "fonts-noto-core"


def all_common(text: str) -> bool:
    """Return whether matplotlib's font is known to have a text, without opening it."""
    return (text.isascii() and text.isprintable()) or all(map(is_common, text))


def is_common(c: str) -> bool:
    """Return whether matplotlib's font is known to have a character."""
    return any(first <= ord(c) <= last for first, last in COMMON)


def needs_glyph(c: str) -> bool:
    """Return whether a character is drawn: joiners and marks of direction are not."""
    return not c.isspace() and unicodedata.category(c) != "Cf"


def register_fonts(text: str) -> None:
    """Let matplotlib use the fonts of a text, after its own."""
    if all_common(text):
        return
    import matplotlib as mpl
    from matplotlib.font_manager import fontManager

    for _, font in split_by_font(text):
        face = _face(font)
        if face is not None and font != primary_font():
            family = face.family_name
            if family not in mpl.rcParams["font.family"]:
                fontManager.addfont(font)
                mpl.rcParams["font.family"] = [*mpl.rcParams["font.family"], family]


def has_glyphs(font: str, text: str) -> bool:
    """Return whether a font has all characters of a text."""
    face = _face(font)
    return face is not None and all(face.get_char_index(ord(c)) for c in text if needs_glyph(c))


def _font_of(cluster: str) -> str | None:
    """Return the font that has all characters of a cluster."""
    wanted = [c for c in cluster if needs_glyph(c)]
    fonts = dict.fromkeys(primary_font() if is_common(c) else _font_by_character[c] for c in wanted)
    if len(fonts) <= 1:
        return next(iter(fonts), primary_font())
    return next((font for font in fonts if font and has_glyphs(font, cluster)), None)


@lru_cache(maxsize=8)  # open files
def _face(font: str) -> "FT2Font | None":
    """Return a font that can be drawn in any size."""
    from matplotlib.ft2font import FT2Font

    try:
        face = FT2Font(font)
    except (OSError, RuntimeError):  # not a font, or of a kind that FreeType does not know
        return None
    return face if face.scalable else None


@cache
def _installed_fonts() -> Sequence[str]:
    """Return the files of the installed fonts, upright sans-serif ones first."""
    from matplotlib.font_manager import findSystemFonts

    fonts = [font for font in findSystemFonts() if not any(word in font.lower() for word in UNUSABLE)]
    return sorted(fonts, key=lambda font: (sum(style in font.lower() for style in STYLES), font))
