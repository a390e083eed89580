"""Wording shared by all messages: suggestions, plurals, lists and their order, durations, overrides."""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any

MINUTE, HOUR = 60, 3600
LONG_NUMBER, LONGEST_NUMBER = 1e6, 1e19  # between these, numbers are shown without an exponent
PLAIN_TEXT = re.compile(r"[A-Za-z_/][\w./-]*|\.{1,2}/[\w./-]*", re.ASCII)  # Hydra reads it as text
KEYWORDS = ("true", "false", "null", "nan", "inf")


def plural(count: int, noun: str, plural_noun: str = "") -> str:
    """Format a count with its noun: 1 row, 2,000 rows."""
    return f"{count:,} {noun if count == 1 else plural_noun or f'{noun}s'}"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Join names with commas; of many, only the first few."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def joined(names: Sequence[str]) -> str:
    """Join names as a sentence does: a, b and c."""
    return " and ".join([*([", ".join(names[:-1])] if len(names) > 1 else []), *names[-1:]])


def one_line(text: str) -> str:
    """Put a name on one line, with single spaces and without control characters."""
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")


def shortened(text: str, limit: int = 80) -> str:
    """Cut a text off after so many characters."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for Chinese characters, none for marks."""
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me", "Cf") for c in text)


def align(text: str, width: int, right: bool = False) -> str:
    """Fill a text with spaces to `width` columns of a terminal, at its end or, with `right`, before it."""
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def first_line(error: object) -> str:
    """Return the first line of a text or of an exception's message; of an empty one, the exception's type."""
    text = str(error).strip()
    if not text:
        return "" if isinstance(error, str) else type(error).__name__
    return text.splitlines()[0]


def number(value: float) -> str:
    """Format a number with six digits, and with all before the decimal point of one up to 1e19."""
    return f"{value:.0f}" if LONG_NUMBER <= abs(value) < LONGEST_NUMBER else f"{value:.6g}"


def duration(seconds: float) -> str:
    """Format a duration: 3.2 s, 2m05s, 1h07m."""
    if seconds < MINUTE:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes}m{rest:02}s" if seconds < HOUR else f"{minutes // 60}h{minutes % 60:02}m"


def percent(share: float, digits: int = 1) -> str:
    """Format a share: as 100 % or 0 % only if it is exactly that, else as >99.9% or <0.1%."""
    text = f"{share:.{digits}%}"
    if share < 1 and text == f"{1:.{digits}%}":
        return f">{1 - 0.01 / 10**digits:.{digits}%}"
    return f"<{0.01 / 10**digits:.{digits}%}" if share > 0 and text == f"{0:.{digits}%}" else text


def short_path(path: Path) -> Path:
    """Return the path relative to the working directory, where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def quoted_path(path: Path) -> str:
    """Return the path relative to the working directory, where it lies below it, quoted for a shell."""
    return shlex.quote(str(short_path(path)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name as a question that ends in a space; empty where nothing is near."""
    near = nearest(word, known)
    return f"did you mean {near}? " if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the most similar known dotted name.

    In this order: the same but for case; the same last component, or its initials (learning_rate: lr); near.
    """
    known = sorted(known)
    if same := next((name for name in known if name.lower() == word.lower()), None):
        return same
    last = word.rpartition(".")[2]
    leaf = "".join(piece[:1] for piece in last.split("_")) if "_" in last else last
    same_leaf = [name for name in known if name.rpartition(".")[2] in (last, leaf)]
    if len(same_leaf) == 1:
        return same_leaf[0]
    similar = same_leaf or [name for name in known if is_similar(name.rpartition(".")[2], last)]
    if close := get_close_matches(word, similar, 1, 0.6):
        return close[0]
    leaves = {name.rpartition(".")[2]: name for name in known}
    close = get_close_matches(last, leaves, 1, 0.7)
    return leaves[close[0]] if close else None


def is_similar(a: str, b: str) -> bool:
    """Return whether two words have about half of their characters in common, in this order."""
    return SequenceMatcher(a=a, b=b).ratio() >= 0.5


def override(key: str, value: Any) -> str:
    """Format key=value as one types it: quoted for Hydra, then for the shell."""
    return shlex.quote(hydra_override(key, value))


def list_override(key: str, name: str) -> str:
    """Format key=[name] as one types it."""
    return override(key, [name])


def merged_list_override(key: str, existing: str | Sequence[str] | None, names: Iterable[str]) -> str:
    """Format an override that adds names to the list that a key holds already, as one types it."""
    kept = [existing] if isinstance(existing, str) else existing or []
    return override(key, list(dict.fromkeys([*kept, *names])))


def hydra_override(key: str, value: Any) -> str:
    """Format key=value as Hydra parses it; what is typed into a shell needs `override`."""
    return f"{key}={override_value(value)}"


def override_value(value: Any) -> str:
    """Format a value as Hydra parses it; text that Hydra would read as something else is quoted."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(override_value, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{k}:{override_value(v)}' for k, v in value.items())}}}"
    if isinstance(value, str) and (not PLAIN_TEXT.fullmatch(value) or value.lower() in KEYWORDS):
        return quoted_text(value)
    return str(value)


def quoted_text(text: str, literal: bool = True) -> str:
    """Quote text for Hydra: escape its quotes, and backslashes before them; literal: also interpolations."""
    if literal:
        text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)
    ending = re.sub(r"(\\+)\Z", r"\1\1", escaped)
    return f'"{ending}"'


def natural_key(text: str) -> tuple[Any, ...]:
    """Sort numbers in text by their value: 2 before 10, v2 before v10."""
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        return 0, float(text), text
    digits = [(run.isdigit() and run.isascii(), run) for run in re.split(r"(\d+)", text)]
    return 1, [(is_digits, int(run) if is_digits else 0, run) for is_digits, run in digits]
