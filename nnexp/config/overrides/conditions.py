"""Conditions of a search's dimensions: a tag says beside which values of another key a dimension exists.

`optimizer.momentum=tag("optimizer=momentum,nesterov", interval(0.5, 0.99))` is for these only.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from hydra.core.override_parser.types import Override, Sweep
from hydra.errors import HydraException

from nnexp.config.errors import Problem
from nnexp.config.overrides.checked_override import CheckedOverride
from nnexp.config.overrides.loader import parse_override
from nnexp.config.overrides.sweeper import Grid, Job, values_of

CONDITION = re.compile(r"[^=]+=.")
Condition = frozenset[str]
"""Overrides of one key, each with one value, of which a job must have one: optimizer=momentum."""
Conditions = Mapping[str, Sequence[Condition]]
"""The conditions of each dimension that has any, by key; all must hold."""


def conditions_of(parsed: Override) -> list[Condition]:
    """Return the conditions in the tags of a dimension."""
    return [frozenset(values_of(parse_override(text), True)) for text in condition_texts(parsed)]


def condition_texts(parsed: Override) -> list[str]:
    """Return the tags of a dimension that are conditions, as they were typed."""
    value = parsed.value()
    return sorted(tag for tag in value.tags if "=" in tag) if isinstance(value, Sweep) else []


def exists(conditions: Iterable[Condition], job: Collection[str]) -> bool:
    """Return whether a dimension exists in a job with these overrides."""
    return all(not condition.isdisjoint(job) for condition in conditions)


def key_of_condition(condition: Condition) -> str:
    """Return the key that a condition is about."""
    return next(iter(condition)).partition("=")[0]


def drawing_order(keys: Sequence[str], conditions: Conditions) -> list[str]:
    """Return keys in an order in which each comes after those that decide whether it exists.

    Raises:
        CycleError: there is none.
    """
    before = {key: {key_of_condition(one) for one in conditions.get(key, ())} & {*keys} for key in keys}
    return list(TopologicalSorter(before).static_order())


def invalid_conditions(checked: Sequence[CheckedOverride]) -> Iterator[Problem]:
    """Yield a problem for each condition that no job of a search can meet, of its overrides."""
    values = {one.key: one.values for one in checked}
    several = {one.key for one in checked if one.parsed.is_sweep_override()}
    conditions: dict[str, list[Condition]] = {}
    for one in checked:
        for text in condition_texts(one.parsed):
            try:
                condition = frozenset(values_of(parse_override(text), True) if CONDITION.match(text) else ())
            except HydraException:
                condition = frozenset()
            if not condition:
                what = f"the condition {text} cannot be parsed; expected key=value or key=value,value"
                yield Problem(one.text, what)
                continue
            key = key_of_condition(condition)
            if key not in values:
                known = ", ".join(other for other in values if other != one.key)
                yield Problem(one.text, f"the condition {text} is about no key that is set; keys: {known}")
            elif key in several and condition.isdisjoint(values[key]):
                known = ", ".join(value.partition("=")[2] for value in values[key])
                yield Problem(one.text, f"the condition {text} is never met; values of {key}: {known}")
            else:
                conditions.setdefault(one.key, []).append(condition)
    try:
        drawing_order([*values], conditions)
    except CycleError as error:
        yield Problem("", f"conditions depend on each other in a circle: {' <- '.join(error.args[1])}")


def possible(checked: Sequence[CheckedOverride]) -> list[CheckedOverride]:
    """Return overrides without dimensions that no trial has: a key of their conditions has another value."""
    kept = list(checked)
    while True:
        texts = {text for one in kept for text in one.values}
        left = [one for one in kept if exists(conditions_of(one.parsed), texts)]
        if len(left) == len(kept):
            return left
        kept = left


@dataclass(frozen=True)
class SearchGrid(Grid):
    """The jobs by which a search is examined before it draws any: they have every value at least once."""

    conditions: Conditions = field(default_factory=dict)

    @classmethod
    def of(cls, checked: Sequence[CheckedOverride]) -> "SearchGrid":
        """Make the jobs of overrides, without conditional ones where a condition cannot be met."""
        if any(invalid_conditions(checked)):
            checked = [one for one in checked if not condition_texts(one.parsed)]
        checked = possible(checked)
        grid = Grid.of(checked)
        conditional = {one.key: conditions_of(one.parsed) for one in checked}
        return cls(
            grid.axes, grid.hydra, grid.swept, {key: some for key, some in conditional.items() if some}
        )

    @property
    def count(self) -> int:
        """How many jobs there are."""
        return 1 + sum(map(len, self.axes)) - len(self.axes) + len(self.conditions)

    def __iter__(self) -> Iterator[Job]:
        """Yield a job of first values, then one for each other value, and for those with conditions."""
        axes = {axis[0].partition("=")[0]: axis for axis in self.axes}
        first = {key: axis[0] for key, axis in axes.items()}
        yield self.existing(first)
        for key, axis in axes.items():
            for value in axis if key in self.conditions else axis[1:]:
                yield self.existing(self.meeting(first, key) | {key: value})

    def meeting(self, job: Mapping[str, str], key: str) -> dict[str, str]:
        """Return a job, by key, changed so that a dimension exists in it."""
        changed = {**job}
        for condition in self.conditions.get(key, ()):
            other = key_of_condition(condition)
            (axis,) = (axis for axis in self.axes if axis[0].partition("=")[0] == other)
            changed = self.meeting(changed, other)
            changed[other] = next(value for value in axis if value in condition)
        return changed

    def existing(self, job: Mapping[str, str]) -> Job:
        """Return the overrides of a job without those of dimensions that do not exist in it."""
        kept = job
        while True:
            texts = {*kept.values()}
            left = {key: text for key, text in kept.items() if exists(self.conditions.get(key, ()), texts)}
            if left == kept:
                return tuple(left.values())
            kept = left
