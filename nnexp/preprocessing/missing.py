"""Cells of a table as text: missing values, numbers, and the normalized spelling of categories."""

import re

import numpy as np

MISSING = {"", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NULL", "Null", "null", "None"}
MISSING |= {"NaN", "nan", "-nan", "-NaN", "NaT"}
"""Texts that stand for a missing value."""
MISSING_CATEGORY = "missing"
"""The category of rows without a value."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
WHOLE_NUMBER = re.compile(r"^([+-]?\d+)\.0+$")


def is_number(text: str, decimal: str = ".") -> bool:
    """Check whether a normalized text is a number with a decimal point, or with that decimal mark."""
    return NUMBER.fullmatch(text.replace(decimal, ".")) is not None


def parse_number(text: str, decimal: str = ".") -> float:
    """Parse a normalized text as a float, NaN if it is missing; other text is a ValueError."""
    if text in MISSING:
        return np.nan
    if not is_number(text, decimal):
        raise ValueError(f"not a number: {text!r}")
    return float(text.replace(decimal, "."))


def normalize_text(value: object) -> str:
    """Format a cell as text without surrounding spaces: true and false in lower case, 2.0 as 2."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    text = value.decode() if isinstance(value, bytes) else str(value)
    return WHOLE_NUMBER.sub(r"\1", text.strip())
