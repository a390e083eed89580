"""Names of settings and params, as short as they can be without becoming ambiguous."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import isfinite

from nnexp.analysis.run_table import RunRow

ALL_RUNS = "all runs"
NO_OPTION = ("none", "null")  # options that name nothing
DIGITS = 4  # of long numbers in names


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return the shortest end of each dotted key that no other key ends in: lr, or optimizer.lr."""
    short = {}
    for key in keys:
        words = key.replace("@", ".").split(".")
        ends = [".".join(words[start:]) for start in reversed(range(len(words)))]
        others = [f".{other}" for other in keys if other != key]
        short[key] = next((end for end in ends if not any(o.endswith(f".{end}") for o in others)), key)
    return short


def bare_options(options: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Return the options of each config group that need no key before them: no other group has them too.

    Args:
        options: of each group.
    """
    uses = Counter(option for values in options.values() for option in {*values})
    return {
        key: {option for option in values if uses[option] == 1 and option not in NO_OPTION}
        for key, values in options.items()
    }


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
    params: Mapping[str, str],
    labels: Mapping[str, str],
    bare: Mapping[str, Collection[str]],
    digits: int | None = None,
) -> str:
    """Name a setting by its params: an option of a group by itself, others as key=value.

    Args:
        params: of the setting; those that it lacks are left out.
        labels: the short name of each param.
        bare: the values of each param that need no name.
        digits: of long numbers; None: all.
    """
    words = []
    for key, label in labels.items():
        if key in params:
            value = format_value(params[key], digits)
            words.append(value if params[key] in bare.get(key, ()) else f"{label}={value}")
    return " ".join(words) or ALL_RUNS
