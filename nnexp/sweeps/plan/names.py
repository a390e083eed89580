"""Names of the runs of a sweep, by what is swept: "adam lr=0.01 s3"."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from nnexp.analysis.setting_names import bare_options, short_keys
from nnexp.config.naming import MAX_NAME

LETTERS = {"seed": "s", "data.fold": "fold"}  # keys that are written as s3 and fold2
MAX_VALUE = 60  # characters of a value


def job_names(swept: Sequence[Mapping[str, str]], groups: Sequence[str]) -> list[str]:
    """Return a name for each job, which no other job has.

    Args:
        swept: the values of the keys that are swept over, of each job.
        groups: the config groups: their options are written without the key.
    """
    short = short_keys(list(dict.fromkeys(key for values in swept for key in values)))
    bare = bare_options({key: {values[key] for values in swept if key in values} for key in groups})
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


def shortened(value: str) -> str:
    """Return a value for a name: of a path its last name, of a long text its beginning."""
    name = PurePosixPath(value).name if value.startswith(("/", "~", ".")) and "/" in value else value
    name = " ".join(name.split())
    return name if len(name) <= MAX_VALUE else f"{name[:MAX_VALUE]}..."
