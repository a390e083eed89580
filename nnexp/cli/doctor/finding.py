"""What a look at something found: all is well, something to know, or a problem and how to mend it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        about: what was looked at, in a word.
        state: ok; note: worth knowing; problem: something will not work.
        text: what was found.
        remedy: how to mend it; empty where nothing needs to be.
    """

    about: str
    state: State
    text: str
    remedy: str = ""


Check = Callable[[], Iterable[Finding]]


def many(number: int, name: str) -> str:
    """A number of things: 1 run, 2 runs."""
    return f"{number:,} {name}{'s' * (number != 1)}"
