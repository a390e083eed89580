"""Limits of an override: Hydra parses it by recursion, in Python, several times."""

import re

from nnexp.config.errors import Problem
from nnexp.config.nesting import NestingError, check_nesting
from nnexp.messages import shortened

MAX_LENGTH = 1 << 17  # characters: what Linux passes as one argument
NO_CHARACTER = re.compile(r"[\0\ud800-\udfff]")


def beyond_limits(overrides: list[str]) -> list[Problem]:
    """Return the problems of overrides that are too long or too deep, or hold what is no character."""
    problems = []
    for text in overrides:
        what = ""
        if len(text) > MAX_LENGTH:
            what = f"{len(text):,} characters, expected at most {MAX_LENGTH:,}; fix: write it into YAML"
        elif match := NO_CHARACTER.search(text):
            what = f"holds {match[0]!r} at character {match.start() + 1:,}, which is no text; fix: delete it"
        else:
            try:
                check_nesting(text)
            except NestingError as error:
                what = f"cannot be parsed: {error}; fix: quotes around the value if it is text"
        if what:
            problems.append(Problem(shortened(NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)), what))
    return problems
