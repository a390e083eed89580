"""A case of advice, and the extraction of advice from a message: what follows "fix: "."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

OVERRIDE = re.compile(r"[~+]{0,2}[A-Za-z_][\w./]*(=|$)")


@dataclass(frozen=True)
class Case:
    """A command that is refused with advice; of exit code 0, one that prints a note with advice."""

    command: str  # after `nnexp`, as one types it in a shell
    problem: str  # in the message: what is wrong, and where
    advice: tuple[str, ...]  # the alternatives that the message offers after "fix: ", exactly as printed
    files: Mapping[str, str | bytes] = field(default_factory=dict)  # of the working directory, by name
    exit_code: int = 2


def printed_advice(message: str) -> list[str]:
    """Return the alternatives after each "fix: ": overrides or a whole command, as printed."""
    alternatives = []
    for line in message.splitlines():
        for text in line.split("fix: ")[1:]:
            alternatives += [advice for one in re.split(r",? or |; ", text) if (advice := typed(one))]
    return alternatives


def typed(text: str) -> str:
    """Return what of a text is to be typed: overrides, or a command from the word nnexp on; else nothing."""
    words = re.findall(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""", text)
    words = [word.rstrip(",.;") for word in words]
    if "nnexp" in words:
        return " ".join(words[words.index("nnexp") :])
    overrides = (word for word in words if "=" in word or word.startswith("'~"))
    return " ".join(word for word in overrides if OVERRIDE.match(unquoted(word)))


def unquoted(word: str) -> str:
    """Return a word as the shell passes it on."""
    return "".join(shlex.split(word)[:1])


def followed(command: str, advice: str) -> list[str]:
    """Return the arguments of the command with the advice: overrides replace those of the same key."""
    added = shlex.split(advice)
    if added[0] == "nnexp":
        return added[1:]
    keys = {override.partition("=")[0] for override in added}
    return [word for word in shlex.split(command) if word.partition("=")[0] not in keys] + added
