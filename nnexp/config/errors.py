"""Mistakes in a configuration, told all at once: what is wrong, where, and the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from nnexp.errors import UserError
from nnexp.messages import plural


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Attributes:
        where: the key with its value as a person would type it, e.g. "optimizer.lr=-1".
        what: what is wrong and what is allowed.
    """

    where: str
    what: str

    def __str__(self) -> str:
        indented = self.what.replace("\n", "\n    ")
        return f"  {self.where}\n    {indented}" if self.where else f"  {indented}"


class ConfigError(UserError):
    """All mistakes of a configuration."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([f"{plural(len(self.problems), 'configuration error')}:", *map(str, self.problems)])


def typed(key: str, value: Any) -> str:
    """key=value as on the command line."""
    return f"{key}={shown(value)}"


def shown(value: Any) -> str:
    """A value as on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k}:{shown(v)}' for k, v in value.items())}}}"
    return str(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A guess at what was meant, as a question with a space behind it; empty where nothing is near."""
    near = nearest(word, known)
    return f"did you mean {near}? " if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known dotted name that was most likely meant: the same last part, else the most similar spelling."""
    known = sorted(known)
    last = word.rpartition(".")[2]
    same_leaf = [name for name in known if name.rpartition(".")[2] == last]
    if len(same_leaf) == 1:
        return same_leaf[0]
    if close := get_close_matches(word, same_leaf or known, 1, 0.6):
        return close[0]
    leaves = {name.rpartition(".")[2]: name for name in known}
    close = get_close_matches(last, leaves, 1, 0.7)
    return leaves[close[0]] if close else None
