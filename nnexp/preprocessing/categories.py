"""Categories of a column: which of them get an input, and what rare and unseen ones become. N rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.messages import listed, plural
from nnexp.preprocessing.missing import MISSING, MISSING_CATEGORY, normalize_text
from nnexp.preprocessing.number_format import PLAIN, NumberFormat

OTHER = "other"
"""The category of all values that are too rare for an input of their own."""
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

    Numbers are compared as numbers, true and false in any case; a missing value is MISSING_CATEGORY.
    """
    by_text = dict.fromkeys(infrequent, index_of_other(categories))
    by_text |= {text: n for n, text in enumerate(categories)}
    numbers = ((number_format.parse_if_number(text), n) for text, n in by_text.items())
    by_number = {number: n for number, n in numbers if number is not None}
    by_bool = {text.lower(): n for text, n in by_text.items() if text.lower() in ("true", "false")}

    def find(cell: Any) -> int:
        text = normalize_text(cell)
        if text in MISSING:
            return by_text.get(MISSING_CATEGORY, -1)
        if text in by_text:
            return by_text[text]
        if isinstance(cell, bool | np.bool_):
            return by_bool.get(text, -1)
        written = number_format if isinstance(cell, str | bytes) else PLAIN
        number = written.parse_if_number(text)
        return -1 if number is None else by_number.get(number, -1)

    return find


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


def list_values(texts: Iterable[str]) -> str:
    """List normalized texts for a message, the most frequent first."""
    ordered = [text for text, _ in Counter(texts).most_common()]
    return listed(["no value" if text in MISSING else repr(text[:40]) for text in ordered], MAX_EXAMPLES)
