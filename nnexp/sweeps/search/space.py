"""The search space: overrides in Hydra's sweep syntax as distributions of Optuna, and values as overrides.

`interval(a, b)` draws a real number, of integers with int(...), on a logarithmic scale with tag(log, ...);
`choice(a, b)` and `a,b` draw one of the values; `range(a, b, step)` draws one of the numbers, b excluded.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from nnexp.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Space = Mapping[str, "BaseDistribution"]


def split_overrides(
    params: Mapping[str, Any], overrides: Sequence[str], loader: ConfigLoader | None = None
) -> tuple[Space, list[str]]:
    """Return the search space by key, and the overrides that have one value.

    Args:
        params: of the sweeper: a text in sweep syntax by key; an override of the same key replaces it.
        overrides: of the command.
        loader: knows the options that a glob(...) matches.
    """
    texts = [*(f"{key}={value}" for key, value in params.items()), *overrides]
    by_key = {text.partition("=")[0]: text for text in texts}
    space: dict[str, BaseDistribution] = {}
    fixed = []
    parsed_texts = OverridesParser.create(loader).parse_overrides(list(by_key.values()))
    for (key, text), parsed in zip(by_key.items(), parsed_texts, strict=True):
        if parsed.is_sweep_override():
            space[key] = distribution_of(parsed)
        else:
            fixed.append(text)
    if not space:
        fix = "fix: give a param several values, such as 'optimizer.lr=tag(log, interval(1e-4, 1e-1))'"
        raise UserError(f"a search needs a search space; {fix}")
    return space, fixed


def distribution_of(override: Override) -> "BaseDistribution":
    """Return the distribution of an override in sweep syntax."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value = override.value()
    if isinstance(value, IntervalSweep):
        assert value.start is not None
        assert value.end is not None
        low, high = value.start, value.end
        is_log = "log" in value.tags
        if not low < high or (is_log and low <= 0):
            expected = "0 < low < high" if is_log else "low < high"
            raise UserError(f"{override.input_line}: expected interval(low, high) with {expected}")
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=is_log)
        return FloatDistribution(float(low), float(high), log=is_log)
    if (
        isinstance(value, RangeSweep)
        and not value.shuffle
        and value.start is not None
        and value.stop is not None
    ):
        count = ceil((value.stop - value.start) / value.step)
        last = value.start + value.step * (count - 1)
        if value.step > 0 and all(isinstance(one, int) for one in (value.start, value.step)):
            return IntDistribution(int(value.start), int(last), step=int(value.step))
        if value.step > 0:
            return FloatDistribution(float(value.start), float(last), step=float(value.step))
    return CategoricalDistribution(list(override.sweep_string_iterator()))


def override_text(key: str, value: Any) -> str:
    """Write a drawn value as an override; a choice is the text that was typed."""
    return f"{key}={value if isinstance(value, str) else repr(value)}"
