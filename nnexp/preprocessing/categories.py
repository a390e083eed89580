"""Categories of a column: which of them get an input, and what rare and unseen ones become. N rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import listed, plural
from nnexp.preprocessing.dates import parse_moment
from nnexp.preprocessing.missing import MISSING, MISSING_CATEGORY, normalize_text
from nnexp.preprocessing.number_format import PLAIN, NumberFormat

OTHER = "other"
"""The category of all values that are too rare for an input of their own."""
TRUTH = {"true": 1.0, "false": 0.0}
MAX_EXAMPLES = 5  # unseen values of a column in a message
Codes = NDArray[np.integer]


def select_categories(
    values: Sequence[str], counts: NDArray[np.integer], min_count: int, limit: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the categories that get an input, and the infrequent ones, which share the input OTHER.

    `counts` are the training rows of each value; values without any are neither. As in scikit-learn's
    OneHotEncoder, infrequent are categories of fewer than `min_count` rows and, where there are more than
    `limit`, all but the `limit - 1` most frequent; of equally frequent ones the first are kept.
    """
    seen = counts > 0
    kept = counts >= max(min_count, 1)
    if kept.sum() + (kept != seen).any() > limit:
        kept[np.argsort(-counts, kind="stable")[limit - 1 :]] = False
    categories = tuple(value for value, keep in zip(values, kept, strict=True) if keep)
    infrequent = tuple(value for value, rare in zip(values, seen & ~kept, strict=True) if rare)
    if infrequent and OTHER not in categories:
        categories = (*categories, OTHER)
    return categories, infrequent


def category_index(
    categories: Sequence[str], number_format: NumberFormat = PLAIN, infrequent: Sequence[str] = ()
) -> Callable[[Any], int]:
    """Return a function that finds the index of a cell's category; -1 of an unseen one.

    Numbers are compared as numbers and dates as dates, true and false in any case and with 1 and 0; a missing
    value is MISSING_CATEGORY.
    """
    by_text = dict.fromkeys(infrequent, index_of_other(categories))
    by_text |= {text: n for n, text in enumerate(categories)}
    by_lower = {text.lower(): n for text, n in by_text.items() if text.lower() in TRUTH}
    by_number = _index(number_format.parse_if_number, by_text)
    if by_number.keys() <= {*TRUTH.values()}:
        by_lower = {text: by_number.get(number, -1) for text, number in TRUTH.items()} | by_lower
        by_number = {number: by_lower[text] for text, number in TRUTH.items()} | by_number
    by_moment = _index(parse_moment, by_text)

    def find(cell: Any) -> int:
        text = normalize_text(cell)
        if text in MISSING:
            return by_text.get(MISSING_CATEGORY, -1)
        if text in by_text:
            return by_text[text]
        if text.lower() in by_lower:
            return by_lower[text.lower()]
        written = number_format if isinstance(cell, str | bytes) else PLAIN
        if (number := written.parse_if_number(text)) is not None:
            return by_number.get(number, -1)
        moment = parse_moment(text) if by_moment else None
        return -1 if moment is None else by_moment.get(moment, -1)

    return find


def _index(parse: Callable[[str], float | None], by_text: Mapping[str, int]) -> dict[float, int]:
    """Return the indices of the texts that can be parsed, by their values."""
    parsed = ((parse(text), n) for text, n in by_text.items())
    return {value: n for value, n in parsed if value is not None}


def index_of_other(categories: Sequence[str]) -> int:
    """Return the index of the category of all that have none of their own; -1 without one."""
    return categories.index(OTHER) if OTHER in categories else -1


class UnseenValues:
    """Counts the values of each column that training did not see."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}

    def add(self, column: str, texts: Sequence[str]) -> None:
        """Count normalized texts of a column."""
        self.counts.setdefault(column, Counter()).update(texts)

    def describe(self) -> str:
        """Describe columns and values with their numbers of rows; empty if there are none."""
        columns = [
            f"{name} ({plural(counts.total(), 'row')}: {list_values(counts.elements())})"
            for name, counts in self.counts.items()
        ]
        return f"values not seen in training: {listed(columns)}" if columns else ""


def encode_classes(
    values: Any, classes: Sequence[str], name: str = "", unseen: UnseenValues | None = None
) -> NDArray[np.int64]:
    """Convert a column to the indices of its classes (N,); -1 if missing, or another, counted in `unseen`."""
    index_of = category_index(classes)
    cells = np.asarray(values).tolist()
    indices = np.array([index_of(cell) for cell in cells], np.int64)
    texts = [normalize_text(cells[row]) for row in np.flatnonzero(indices < 0)]
    if unseen is not None and (others := [text for text in texts if text not in MISSING]):
        unseen.add(name, others)
    return indices


def list_values(texts: Iterable[str]) -> str:
    """List normalized texts for a message, the most frequent first."""
    ordered = [text for text, _ in Counter(texts).most_common()]
    return listed(["no value" if text in MISSING else repr(text[:40]) for text in ordered], MAX_EXAMPLES)
