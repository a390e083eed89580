"""Names of settings and params, as short as they can be without becoming ambiguous."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import isfinite

from nnexp.analysis.run_table import RunRow

ALL_RUNS = "all runs"
DIGITS = 4  # of long numbers in names


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Shorten dotted keys to the shortest ends that differ: optimizer.lr is lr."""
    words = {key: key.split(".") for key in keys}
    longest = max(map(len, words.values()), default=0)
    labels: dict[str, str] = {}
    for length in range(1, longest + 1):
        ends = {key: ".".join(word[-length:]) for key, word in words.items()}
        counts = Counter(ends.values())
        for key, end in ends.items():
            if key not in labels and (counts[end] == 1 or end == key):
                labels[key] = end
    return {key: labels[key] for key in keys}


def option_keys(rows: Sequence[RunRow]) -> set[str]:
    """Return the params that hold the option of a config group: they have params below them."""
    keys = {key for row in rows for key in row.params}
    return {key.partition(".")[0] for key in keys if "." in key} & keys


def format_value(text: str, digits: int | None = None) -> str:
    """Format a param's value: a list without spaces; a long fraction with so many digits, None: with all."""
    if digits is not None and len(text) > digits + 2 and not text.lstrip("-").isdecimal():
        value = as_number(text)
        if value is not None:
            return f"{value:.{digits}g}"
    return text.replace(", ", ",") if text.startswith(("[", "{")) else text


def as_number(text: str) -> float | None:
    """Read a param's value as a finite number; None: it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def setting_label(
    params: Mapping[str, str], labels: Mapping[str, str], bare: Collection[str], digits: int | None = None
) -> str:
    """Name a setting by its params: an option of a group by itself, others as key=value.

    Args:
        params: of the setting; those that it lacks are left out.
        labels: the short name of each param.
        bare: the params whose values need no name.
        digits: of long numbers; None: all.
    """
    words = []
    for key, label in labels.items():
        if key in params:
            value = format_value(params[key], digits)
            words.append(value if key in bare else f"{label}={value}")
    return " ".join(words) or ALL_RUNS
