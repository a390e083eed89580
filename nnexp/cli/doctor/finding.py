"""What a check reports: all is well, something worth knowing, or a problem and its remedy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    about: str  # what was checked, in a word
    state: State  # note: worth knowing; problem: something will not work
    text: str
    remedy: str = ""  # empty if nothing needs to be fixed


Check = Callable[[], Iterable[Finding]]
