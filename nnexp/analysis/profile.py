"""The profile of a sweep: means over the values of one param, in a line for each value of another."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnexp.analysis.estimate import Estimate
from nnexp.analysis.results import GroupAnalysis, SettingSummary
from nnexp.analysis.setting_names import DIGITS, as_number, format_value

MAX_LINES = 10
MIN_NUMBERS = 3  # that an axis of numbers needs


@dataclass(frozen=True)
class Point:
    """The mean of a metric at a value of the param on the axis."""

    value: str
    estimate: Estimate


@dataclass(frozen=True)
class Line:
    """The points of one value of the other param, in the order of the axis."""

    label: str  # "adam", "batch_size=32"; empty: there is no other param
    points: tuple[Point, ...]

    def best(self, direction: str) -> Point:
        """Return the point of the best mean."""
        sign = 1 if direction == "higher" else -1
        return max(self.points, key=lambda point: sign * point.estimate.mean)


@dataclass(frozen=True)
class Profile:
    """What one or two swept params do to the mean of a metric."""

    label: str  # of the param on the axis
    values: tuple[str, ...]  # numbers by size, others the best mean first
    is_numeric: bool
    lines: tuple[Line, ...]  # numbers by size, others the best first


def profile_of(group: GroupAnalysis) -> Profile | None:
    """Arrange the settings of a group by its one or two params; None: it has more, or too few results.

    On the axis is the param with most values, of numbers if one has three or more.
    """
    settings = [setting for setting in group.settings if setting.estimate is not None]
    if not 1 <= len(group.keys) <= 2 or any(
        key not in each.params for each in settings for key in group.keys
    ):
        return None
    key = max(group.keys, key=lambda key: _fitness(_values(settings, key)))
    values = _values(settings, key)
    others = [other for other in group.keys if other != key]
    is_numeric = _is_numeric(values)
    if is_numeric:
        values = sorted(values, key=float)
    lines: dict[str, list[SettingSummary]] = {}
    if others and _is_numeric(_values(settings, others[0])):
        settings.sort(key=lambda setting: float(setting.params[others[0]]))
    for setting in settings:
        lines.setdefault(_line_label(setting, others, group), []).append(setting)
    if len(values) < 2 or len(lines) > MAX_LINES:
        return None
    return Profile(
        label=group.labels[key],
        values=tuple(format_value(value, DIGITS) for value in values),
        is_numeric=is_numeric,
        lines=tuple(Line(label, _points(lines[label], key, values)) for label in lines),
    )


def _points(settings: Sequence[SettingSummary], key: str, values: Sequence[str]) -> tuple[Point, ...]:
    estimates = {setting.params[key]: setting.estimate for setting in settings}
    return tuple(
        Point(format_value(value, DIGITS), estimate)
        for value in values
        if (estimate := estimates.get(value)) is not None
    )


def _values(settings: Sequence[SettingSummary], key: str) -> list[str]:
    """Return the values of a param, the one of the best setting first."""
    return list(dict.fromkeys(setting.params[key] for setting in settings))


def _is_numeric(values: Sequence[str]) -> bool:
    return len(values) >= MIN_NUMBERS and all(as_number(value) is not None for value in values)


def _fitness(values: Sequence[str]) -> tuple[bool, int]:
    return _is_numeric(values), len(values)


def _line_label(setting: SettingSummary, keys: Sequence[str], group: GroupAnalysis) -> str:
    """Name the value of the other param: a word by itself, unless it says nothing."""
    for key in keys:
        value = format_value(setting.params[key], DIGITS)
        is_word = value.isidentifier() and value not in ("none", "null", "True", "False", "true", "false")
        return value if is_word else f"{group.labels[key]}={value}"
    return ""
