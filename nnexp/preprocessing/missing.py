"""Cells of a table as text: missing values and the normalized spelling of categories."""

import re

import numpy as np

MISSING = {"", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NULL", "Null", "null", "None"}
MISSING |= {"NaN", "nan", "-nan", "-NaN", "NaT", "\\N"}
"""Texts that stand for a missing value."""
MISSING_CATEGORY = "missing"
"""The category of rows without a value."""
WHOLE_NUMBER = re.compile(r"^([+-]?\d+)\.0+$")


def cell_text(value: object) -> str:
    """Format a cell as text without surrounding spaces: true and false in lower case."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text.strip()


def normalize_text(value: object) -> str:
    """Format a cell as the text of a category: as `cell_text`, and 2.0 as 2."""
    return WHOLE_NUMBER.sub(r"\1", cell_text(value))
