"""Names of the runs of a search, as those of a grid: what was drawn, "lr=0.002288 hidden=[128,64]"."""

from collections.abc import Collection, Mapping

from nnexp.analysis.setting_names import DIGITS, bare_options, format_value, short_keys
from nnexp.config.overrides.checked_override import key_of
from nnexp.sweeps.plan.names import words_of


def job_name(params: Mapping[str, str], groups: Collection[str]) -> str:
    """Return the name of a job.

    Args:
        params: the values that were drawn for it, by key.
        groups: the config groups: their options are written without the key.
    """
    values = {key_of(key): format_value(value, DIGITS) for key, value in params.items()}
    bare = bare_options({key: {value} for key, value in values.items() if key in groups})
    return " ".join(words_of(values, short_keys(list(values)), bare))
