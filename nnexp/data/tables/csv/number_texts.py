"""Numbers in CSV files are text: the shapes that they have in a column, and their conversion to float64."""

import re
from typing import Any

import numpy as np

from nnexp.preprocessing.missing import MISSING
from nnexp.preprocessing.number_format import (
    GROUPING,
    MINUS,
    NO_NUMBER,
    NumberFormat,
    is_number,
    likely_readings,
    readings,
)

DIGITS = bytes.maketrans(b"0123456789", b"9" * 10)
LEADING_ZERO = re.compile(r"[-+]?0\d+")
MAX_SHAPES = 100_000  # a column with more is text


class NumberTexts:
    """The shapes of a column's texts, each with the first row and text that has it.

    A shape is the text with each digit as 9, but a first or last zero: 0,250 is not a group of three digits.
    """

    def __init__(self) -> None:
        self.first: dict[str, tuple[int, str]] = {}
        self.surplus: tuple[int, str] | None = None  # the first row and text of one shape too many
        self.formats: set[NumberFormat] | None = None

    def add(self, texts: Any, row: int = 0) -> None:
        """Add an Arrow array of text whose first row is the given one."""
        import pyarrow.compute as pc

        shapes = shapes_of(texts)
        for shape in pc.unique(shapes).to_pylist():
            if shape in self.first or shape is None or shape in MISSING or self.surplus:
                continue
            n = pc.index(shapes, shape).as_py()
            cell = row + n, texts[n].as_py().strip()
            self.surplus = cell if len(self.first) == MAX_SHAPES else None
            self.first[shape] = cell
            self.formats = None

    @property
    def is_empty(self) -> bool:
        return not self.first

    @property
    def readings(self) -> set[NumberFormat]:
        """The formats in which all texts are numbers: see `number_format.readings`."""
        if self.formats is None:
            self.formats = readings(shape for shape in self.first if not NO_NUMBER.fullmatch(shape))
        return self.formats

    @property
    def likely_readings(self) -> set[NumberFormat]:
        """Those of them that the texts make likely: see `number_format.likely_readings`."""
        return likely_readings(self.readings, self.first)

    @property
    def other(self) -> tuple[int, str] | None:
        """The first row and text that is no number in any format."""
        texts = (self.first[s] for s in self.first if not is_number(s) and not NO_NUMBER.fullmatch(s))
        return min(texts, default=self.surplus)

    def example(self, mark: str) -> str:
        """Return the shortest text with a mark, or any."""
        texts = [text for _, text in self.first.values() if re.search(GROUPING[mark], text)]
        return min(texts, key=len, default="")

    @property
    def leading_zero(self) -> str:
        """The first whole number with a leading zero, as codes have it; empty without one."""
        return next((text for shape, (_, text) in self.first.items() if LEADING_ZERO.fullmatch(shape)), "")


def shapes_of(texts: Any) -> Any:
    """Return the shapes of an Arrow array of text, as one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    valid, offsets, data = texts.buffers()
    if data is None or not data.size:
        return texts
    characters = np.frombuffer(data, np.uint8)
    shapes = np.frombuffer(bytes(data).translate(DIGITS), np.uint8).copy()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    first = bounds[:-1][bounds[:-1] < bounds[1:]]
    signed = (characters[first] == ord("-")) | (characters[first] == ord("+"))
    first = np.minimum(first + signed, len(characters) - 1)
    last = bounds[1:][bounds[:-1] < bounds[1:]] - 1
    for place in (first, last):
        shapes[place[characters[place] == ord("0")]] = ord("0")
    return pa.StringArray.from_buffers(
        len(texts), offsets, pa.py_buffer(shapes), valid, texts.null_count, texts.offset
    )


def to_float64(texts: Any, number_format: NumberFormat) -> Any:
    """Convert an Arrow array of text in a format to float64, null where a value is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(pc.is_in(texts, pa.array(sorted(MISSING))), None, texts)
    if number_format.thousands:
        texts = pc.replace_substring_regex(texts, GROUPING[number_format.thousands], "")
    if number_format.decimal == ",":
        texts = pc.replace_substring(texts, ",", ".")
    return pc.replace_substring(texts, MINUS, "-").cast(pa.float64())
