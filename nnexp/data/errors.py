"""The one error that data raise, and how it names columns."""

import re
from collections.abc import Sequence

from nnexp.errors import UserError


class DataError(UserError):
    """Data that cannot be had or cannot be trusted: what, where, and what to do about it."""


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names with commas between them; of many, the first few."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def override(key: str, name: str) -> str:
    """KEY=[NAME] as a person types it in a shell."""
    return f"{key}=[{name}]" if re.fullmatch(r"[\w.-]+", name) else f"'{key}=[\"{name}\"]'"
