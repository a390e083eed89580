"""Cells of a column of dates or times: to days, and to the inputs of features of the calendar. N rows."""

from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.dates import (
    FEATURES,
    NO_DATE,
    ORDERS,
    DateFormat,
    calendar_categories,
    infer_date_format,
    parse_dates,
)
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.missing import MISSING, normalize_text

MILLISECONDS = (1e10, 1e14)  # as a date; smaller numbers may be seconds, larger ones microseconds
EXPECTED: dict[DateFormat, str] = {
    "date": "a date such as 2024-01-31",
    "day_first": "a date such as 31/01/2024",
    "month_first": "a date such as 01/31/2024",
    "time": "a time such as 14:05",
}


def encode_dates(
    cells: Sequence[Any], name: str, date_format: DateFormat, describe_row: Callable[[int], str]
) -> NDArray[np.float64]:
    """Convert dates or times (N,) to days; a missing one is NaN, other text an `EncodingError`.

    Where the training table left the order of day and month open, all texts decide on it.
    """
    as_text = normalize_text if date_format == "time" else date_text
    texts = [as_text(cell) for cell in cells]
    present = [n for n, text in enumerate(texts) if text not in MISSING and not NO_DATE.fullmatch(text)]
    known = [texts[n] for n in present]
    days = np.full(len(texts), np.nan)
    days[present] = parse_dates(known, date_format)
    invalid = [n for n in present if np.isnan(days[n])]
    if invalid and date_format == "date" and (order := infer_date_format(known)) in ORDERS:
        days[present] = parse_dates(known, order)
    elif invalid:
        problem = f"expected {EXPECTED[date_format]} in the column {name!r}, got {texts[invalid[0]][:40]!r}"
        raise EncodingError(f"{describe_row(invalid[0])}: {problem}; fix it or leave it empty")
    return days


def date_text(cell: Any) -> str:
    """Format a date as text; a large number is milliseconds since 1970, as dates are in JSON of pandas."""
    is_number = isinstance(cell, Real) and not isinstance(cell, bool | np.bool_)
    if is_number and MILLISECONDS[0] <= abs(cell) < MILLISECONDS[1]:
        return str(np.datetime64(int(cell), "ms"))
    return normalize_text(cell)


def encode_date_features(
    days: NDArray[np.float64], features: Sequence[str]
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Yield the first input of each feature of the calendar, after that of the days, and its indices (N,)."""
    first = 1
    for feature in features:
        yield first, calendar_categories(days, feature)
        first += len(FEATURES[feature])
