"""Configuration errors, reported all at once: what is wrong, where, and how to fix it."""

from dataclasses import dataclass

from nnexp.errors import UserError
from nnexp.messages import plural

MAX_SHOWN = 50  # errors of a configuration that are printed


@dataclass(frozen=True)
class Problem:
    """One configuration error."""

    where: str  # the key with its value as on the command line: optimizer.lr=-1
    what: str  # what is wrong and what is allowed
    origin: str = ""  # the file and line of the value, if it is from a YAML file

    def __str__(self) -> str:
        indented = self.what.replace("\n", "\n    ")
        where = f"{self.where} ({self.origin})" if self.origin else self.where
        return f"  {where}\n    {indented}" if where else f"  {indented}"


class ConfigError(UserError):
    """All errors of a configuration."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        head = f"{plural(len(self.problems), 'configuration error')}:"
        rest = len(self.problems) - MAX_SHOWN
        more = [f"  and {plural(rest, 'more error')}"] if rest > 0 else []
        return "\n".join([head, *map(str, self.problems[:MAX_SHOWN]), *more])
