"""Names of the runs of a sweep, by what is swept: "adam lr=0.01 s3"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from nnexp.config.naming import MAX_NAME

LETTERS = {"seed": "s", "data.fold": "fold"}  # keys that are written as s3 and fold2
NO_OPTION = ("none", "null")
MAX_VALUE = 60  # characters of a value


def job_names(swept: Sequence[Mapping[str, str]], groups: Sequence[str]) -> list[str]:
    """Return a name for each job, which no other job has.

    Args:
        swept: the values of the keys that are swept over, of each job.
        groups: the config groups: their options are written without the key.
    """
    short = short_keys(list(dict.fromkeys(key for values in swept for key in values)))
    bare = bare_options(swept, groups)
    names = [" ".join(words_of(values, short, bare)) for values in swept]
    counts = Counter(names)
    return [f"{name} #{i}".strip() if counts[name] > 1 else name for i, name in enumerate(names)]


def words_of(values: Mapping[str, str], short: Mapping[str, str], bare: Mapping[str, set[str]]) -> list[str]:
    """Return a word for each value, those of the seed and the fold last; no more than MLflow's names hold."""
    words = []
    for key, value in sorted(values.items(), key=lambda item: item[0] in LETTERS):
        text = shortened(value)
        if key in LETTERS and value.isdecimal():
            words.append(f"{LETTERS[key]}{value}")
        else:
            words.append(text if value in bare.get(key, ()) else f"{short.get(key, key)}={text}")
    while len(" ".join(words)) > MAX_NAME and len(words) > 1:
        words.pop()
    return words


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return the shortest end of each dotted key that no other key ends in: lr, or optimizer.lr."""
    short = {}
    for key in keys:
        words = key.replace("@", ".").split(".")
        ends = [".".join(words[start:]) for start in reversed(range(len(words)))]
        others = [f".{other}" for other in keys if other != key]
        short[key] = next((end for end in ends if not any(o.endswith(f".{end}") for o in others)), key)
    return short


def bare_options(swept: Sequence[Mapping[str, str]], groups: Sequence[str]) -> dict[str, set[str]]:
    """Return the options of each group that say by themselves which group they are of."""
    options: dict[str, set[str]] = {}
    for values in swept:
        for key in values.keys() & set(groups):
            options.setdefault(key, set()).add(values[key])
    uses = Counter(option for values in options.values() for option in values)
    return {
        key: {option for option in values if uses[option] == 1 and option not in NO_OPTION}
        for key, values in options.items()
    }


def shortened(value: str) -> str:
    """Return a value for a name: of a path its last name, of a long text its beginning."""
    name = PurePosixPath(value).name if value.startswith(("/", "~", ".")) and "/" in value else value
    name = " ".join(name.split())
    return name if len(name) <= MAX_VALUE else f"{name[:MAX_VALUE]}..."
