"""How numbers are written as text: decimal mark and digit grouping, decided from all texts of a column."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np

from nnexp.preprocessing.missing import MISSING

SPACES = " \u00a0\u2009\u202f"  # no-break, thin, narrow no-break
APOSTROPHES = "'\u2019"
GROUPING = {"": "", ",": ",", ".": r"\.", " ": f"[{SPACES}]", "'": f"[{APOSTROPHES}]"}
"""What separates groups of digits, each with its regular expression."""
OTHER_MARK = {".": ",", ",": "."}
EXPONENT = r"(?:[eE][-+]?\d+)?"
MINUS = "\u2212"  # the typographic minus sign
NO_NUMBER = re.compile(r"[-+]?(inf|infinity|nan)", re.IGNORECASE)  # what a float may be besides a number


@dataclass(frozen=True)
class NumberFormat:
    """A decimal mark and a mark between groups of three digits, each empty where no number has one."""

    decimal: str = "."
    thousands: str = ""  # "," "." " " "'": a space or an apostrophe stands for all of its kind

    @property
    def implied_decimal(self) -> str:
        """The decimal mark, also where only digit groups show it: 1,250,000 has a decimal point."""
        return self.decimal or OTHER_MARK.get(self.thousands, "")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression of numbers; scientific notation has no digit groups."""
        mark = re.escape(self.decimal)
        fraction = rf"(?:{mark}\d*)?" if mark else ""
        forms = [rf"\d+{fraction}{EXPONENT}"] + ([rf"{mark}\d+{EXPONENT}"] if mark else [])
        if group := GROUPING[self.thousands]:
            indian = rf"|[1-9]\d?(?:{group}\d\d)+{group}\d{{3}}" if self.thousands == "," else ""
            forms.append(rf"(?:[1-9]\d{{0,2}}(?:{group}\d{{3}})+{indian}){fraction}")
        return re.compile(rf"[-+{MINUS}]?(?:{'|'.join(forms)})", re.ASCII)

    def matches(self, text: str) -> bool:
        """Check whether a text without surrounding spaces is a number in this format."""
        return self.pattern.fullmatch(text) is not None

    def parse(self, text: str) -> float:
        """Parse a text as a float, NaN if it is missing; other text is a ValueError."""
        if text in MISSING:
            return np.nan
        if not self.matches(text):
            raise ValueError(f"not a number: {text!r}")
        if self.thousands:
            text = re.sub(GROUPING[self.thousands], "", text)
        return float(text.replace(MINUS, "-").replace(self.decimal or ".", "."))

    def parse_if_number(self, text: str) -> float | None:
        """Parse a text in this format, or a plain number; None: it is neither."""
        written = self if self.matches(text) else PLAIN
        return written.parse(text) if written.matches(text) else None

    def agrees(self, decimal: str | None, thousands: str | None) -> bool:
        """Check the format against marks that are given; None: not given."""
        decimal = decimal or OTHER_MARK.get(thousands or "")
        fits = decimal is None or self.implied_decimal in ("", decimal)
        return fits and (thousands is None or self.thousands in ("", thousands))


PLAIN = NumberFormat()
NO_MARKS = NumberFormat("", "")
CANDIDATES = [NumberFormat(*marks) for marks in product(".,", GROUPING) if marks[0] != marks[1]]


def readings(texts: Iterable[str]) -> set[NumberFormat]:
    """Return the formats in which all texts are numbers, as far as the texts show them.

    None: they are no numbers, or not written alike. Two: a mark that may be a decimal mark or a separator
    of groups, as in 1,250.
    """
    texts = set(texts)
    fitting = [candidate for candidate in CANDIDATES if all(map(candidate.matches, texts))]
    characters = set("".join(texts))
    return {_shown(candidate, characters) for candidate in fitting}


def choose(
    options: set[NumberFormat], decimal: str | None = None, thousands: str | None = None
) -> NumberFormat | None:
    """Return the only format, or the only one with the given marks; None if that leaves none or several."""
    fitting = [option for option in options if len(options) == 1 or option.agrees(decimal, thousands)]
    return fitting[0] if len(fitting) == 1 else None


def likely_readings(options: set[NumberFormat], texts: Collection[str]) -> set[NumberFormat]:
    """Return the formats in which 1,250 beside 980 has digit groups, if the texts are like these; else all.

    Who writes decimals with their last zeros writes 980,000 for 980; without them, 1,25 for 1,250. A point is
    what programs write: 1.250 beside 980 stays open.
    """
    plain = [text for text in texts if "," not in text]
    lengths = {len(text.lstrip(f"+-{MINUS}")) for text in plain}
    has_last_zero = any("," in text and text.endswith("0") for text in texts)
    if has_last_zero and max(lengths, default=0) == 3 and any(option.thousands == "," for option in options):
        return {option for option in options if option.decimal != ","}
    return options


@cache
def is_number(text: str) -> bool:
    """Check whether a text is a number in any format."""
    return any(candidate.matches(text) for candidate in CANDIDATES)


def _shown(candidate: NumberFormat, characters: set[str]) -> NumberFormat:
    """Remove marks that do not occur."""
    decimal = candidate.decimal if candidate.decimal in characters else ""
    marks = {" ": SPACES, "'": APOSTROPHES}.get(candidate.thousands, candidate.thousands)
    return NumberFormat(decimal, candidate.thousands if characters & set(marks) else "")
