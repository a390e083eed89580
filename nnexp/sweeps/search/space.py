"""The search space: overrides in Hydra's sweep syntax as distributions of Optuna, and values as overrides.

`interval(a, b)` draws a real number, of integers with int(...), on a logarithmic scale with tag(log, ...);
`choice(a, b)` and `a,b` draw one of the values; `range(a, b, step)` draws one of the numbers, b excluded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from nnexp.config.overrides.conditions import Conditions, conditions_of, drawing_order, exists
from nnexp.config.overrides.sweeper import values_of
from nnexp.errors import UserError
from nnexp.messages import hydra_override

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

Extend = Callable[["Trial"], None]


@dataclass(frozen=True)
class Space:
    """What trials are drawn from."""

    dimensions: Mapping[str, "BaseDistribution"]  # by key, each after those that its conditions are about
    conditions: Conditions  # of the dimensions that exist in some trials only
    fixed: Sequence[str]  # overrides that have one value
    fixed_values: frozenset[str] = frozenset()  # the same, as Hydra writes them
    extend: "Extend | None" = None  # draws further values: custom_search_space

    def draw(self, trial: "Trial") -> None:
        """Draw values for a trial, but of what it has already."""
        job = {*self.fixed_values}
        for key, distribution in self.dimensions.items():
            if exists(self.conditions.get(key, ()), job):
                job.add(override_text(key, trial._suggest(key, distribution)))
        if self.extend is not None:
            for text in self.fixed_values:
                key, _, value = text.partition("=")
                trial.set_user_attr(key, value)
            self.extend(trial)


def space_of(
    params: Mapping[str, Any],
    overrides: Sequence[str],
    loader: ConfigLoader | None = None,
    extend: "Extend | None" = None,
) -> Space:
    """Return the search space of overrides; a UserError where there is nothing to draw.

    Args:
        params: of the sweeper: a text in sweep syntax by key; an override of the same key replaces it.
        overrides: of the command.
        loader: knows the options that a glob(...) matches.
        extend: draws further values.
    """
    texts = [*(f"{key}={value}" for key, value in params.items()), *overrides]
    by_key = {text.partition("=")[0]: text for text in texts}
    dimensions: dict[str, BaseDistribution] = {}
    conditions = {}
    fixed = []
    fixed_values: list[str] = []
    parsed_texts = OverridesParser.create(loader).parse_overrides(list(by_key.values()))
    for (key, text), parsed in zip(by_key.items(), parsed_texts, strict=True):
        if parsed.is_sweep_override():
            dimensions[key] = distribution_of(parsed)
            conditions[key] = conditions_of(parsed)
        else:
            fixed.append(text)
            fixed_values += [] if parsed.is_delete() else values_of(parsed, True)
    if not dimensions and extend is None:
        fix = "fix: give a param several values, such as 'optimizer.lr=tag(log, interval(1e-4, 1e-1))'"
        raise UserError(f"a search needs a search space; {fix}")
    order = drawing_order([*dimensions], conditions)
    return Space(
        {key: dimensions[key] for key in order},
        {key: some for key, some in conditions.items() if some},
        fixed,
        frozenset(fixed_values),
        extend,
    )


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
    return f"{key}={value}" if isinstance(value, str) else hydra_override(key, value)


def overrides_of(trial: "Trial", space: Space) -> list[str]:
    """Return the overrides of a trial: those that all have, and what was drawn."""
    return [*space.fixed, *(override_text(key, value) for key, value in trial.params.items())]
