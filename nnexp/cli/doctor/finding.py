"""What a check reports: all is well, something worth knowing, or a problem and its remedy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        about: what was checked, in a word.
        state: ok; note: worth knowing; problem: something will not work.
        text: the result.
        remedy: how to fix it; empty if nothing needs to be fixed.
    """

    about: str
    state: State
    text: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]
