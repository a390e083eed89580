"""Groups of runs that can be compared: by the same metric, on the same data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from nnexp.analysis.estimate import resolution_of
from nnexp.analysis.run_table import REPEATS, RunRow, RunTable, varying
from nnexp.analysis.setting_names import DIGITS, bare_options, option_keys, setting_label, short_keys
from nnexp.messages import joined, listed
from nnexp.metrics.metric_info import BEST

Better = Literal["higher", "lower"]
Identity = tuple[str, str, str]  # the metric, the data, the column that is predicted
TARGET = "data.target"
OF_PIXELS = ("data.size", "data.color", "data.resize")  # change the images, not which there are
SHARES = tuple(f"{BEST}{name}" for name in ("accuracy", "balanced_accuracy", "exact_match"))
"""Metrics that are shares of the validation examples, or change by about as much with each."""


@dataclass(frozen=True)
class RunGroup:
    """Runs that can be compared, and the params that make their settings."""

    rows: tuple[RunRow, ...]
    metric: str
    direction: Better
    keys: tuple[str, ...]
    repeats: tuple[str, ...]  # those of seed and fold that differ
    title: str
    objectives: Mapping[str, Better] = field(
        default_factory=dict
    )  # where there are several, the metric first
    examples: int = 0  # whose shares the values are; 0: unknown, or they are no shares

    def value(self, row: RunRow) -> float | None:
        """Return the value that a run is compared by; None: it has none."""
        return row.value(self.metric)

    @property
    def sign(self) -> int:
        """1 where higher values are better, else -1."""
        return 1 if self.direction == "higher" else -1

    def setting(self, row: RunRow) -> dict[str, str]:
        """Return the params of a run that make its setting."""
        return {key: row.params[key] for key in self.keys if key in row.params}

    @cached_property
    def resolution(self) -> float:
        """The smallest step of the values; 0: they are no shares of few examples."""
        values = [value for row in self.rows if (value := self.value(row)) is not None]
        return resolution_of(values, self.examples)

    @cached_property
    def has_seeds(self) -> bool:
        """Whether it is known which runs repeat each other; without seeds each run is one of its own."""
        return bool(self.repeats) or any("seed" in row.params for row in self.rows)

    def repeat(self, row: RunRow) -> tuple[str, ...]:
        """Return which repeat of its setting a run is: its seed and fold, where they differ."""
        return tuple(row.params.get(key, "") for key in self.repeats)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The params that make settings, by their short names."""
        return short_keys(self.keys)

    @cached_property
    def bare(self) -> dict[str, set[str]]:
        """The values of each param that need no name: options of config groups."""
        options = option_keys(self.rows) & {*self.keys}
        return bare_options({key: {row.params.get(key, "") for row in self.rows} for key in options})

    def label(self, row: RunRow) -> str:
        """Name the setting of a run; no other setting of the group has the name."""
        return self._names[tuple(self.setting(row).items())]

    @cached_property
    def _names(self) -> dict[tuple[tuple[str, str], ...], str]:
        """The name of each setting: long numbers shortened or, if need be, all numbered."""
        settings = list(dict.fromkeys(tuple(self.setting(row).items()) for row in self.rows))
        for digits in (DIGITS, None):
            names = [setting_label(dict(each), self.labels, self.bare, digits) for each in settings]
            if len({*names}) == len(names):
                return dict(zip(settings, names, strict=True))
        return {each: f"{name} #{i}" for i, (each, name) in enumerate(zip(settings, names, strict=True), 1)}


def comparable_groups(table: RunTable) -> tuple[list[RunGroup], list[RunRow]]:
    """Split a table into groups that can be compared, largest first; also return rows that belong to none.

    A run without a result, whatever it has logged, belongs to the only group of its data, or the only one.
    """
    members: dict[Identity, list[RunRow]] = {}
    drawn = _drawn_from_seed(table.rows)
    for row in table.rows:
        metric = table.metric or row.objective
        if metric is not None and row.value(metric) is not None:
            name = row.params.get("data", "")
            data = name if name in drawn else row.data or name
            if {*OF_PIXELS} & {*table.swept}:
                data = row.data_name
            members.setdefault((metric, data, _target(row)), []).append(row)
    with_result = {id(row) for rows in members.values() for row in rows}
    rest: list[RunRow] = []
    for row in table.rows:
        if id(row) not in with_result:
            group = _group_of(row, members)
            (rest if group is None else group).append(row)
    order = {id(row): index for index, row in enumerate(table.rows)}
    groups = []
    for (metric, _, _), rows in members.items():
        rows.sort(key=lambda row: order[id(row)])
        groups.append(_group(table, metric, rows))
    return sorted(groups, key=lambda group: -len(group.rows)), rest


def _target(row: RunRow) -> str:
    """Return the column that is predicted; empty where none is named."""
    name = row.params.get(TARGET, "")
    return "" if name == "null" else name


def _drawn_from_seed(rows: Sequence[RunRow]) -> set[str]:
    """Return the names of data that are another for each seed: drawn from it, they are one data set."""
    pairs: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        if row.data:
            pairs.setdefault(row.params.get("data", ""), set()).add((row.params.get("seed", ""), row.data))
    names = set()
    for name, group in pairs.items():
        seeds, digests = zip(*group, strict=True)
        if len({*seeds}) == len({*digests}) == len(group) > 1:
            names.add(name)
    return names


def _group_of(row: RunRow, members: Mapping[Identity, list[RunRow]]) -> list[RunRow] | None:
    """Return the rows of the only group of a run's data, or of the only group; None: there are more."""
    same = [rows for rows in members.values() if rows[0].params.get("data") == row.params.get("data")]
    groups = same or list(members.values())
    return groups[0] if len(groups) == 1 else None


def _group(table: RunTable, metric: str, rows: Sequence[RunRow]) -> RunGroup:
    differing = varying(rows)
    repeats = tuple(key for key in REPEATS if key in differing)
    names = listed(list(dict.fromkeys(name for row in rows if (name := row.data_name))))
    if target := _target(rows[0]):
        names = f"{target} of {names}"
    objectives = _objectives(table, metric, rows)
    optimized = joined([*objectives]) or metric
    return RunGroup(
        rows=tuple(rows),
        metric=metric,
        objectives=objectives,
        direction=_better(table, metric),
        keys=_setting_keys(table, rows, differing),
        repeats=repeats,
        title=f"{optimized} on {names}" if names else optimized,
        examples=table.examples.get(rows[0].data_name, 0) if metric in SHARES else 0,
    )


def _objectives(table: RunTable, metric: str, rows: Sequence[RunRow]) -> dict[str, Better]:
    """Return the objectives of runs, if all have the same ones, several, of which the metric is the first."""
    optimized = {tuple(table.objectives)} if table.objectives else {row.objectives for row in rows}
    names = optimized.pop()
    if optimized or len(names) < 2 or names[0] != metric:
        return {}
    return {name: _better(table, name) for name in names}


def _better(table: RunTable, metric: str) -> Better:
    return "lower" if table.direction(metric) == "lower" else "higher"


def _setting_keys(table: RunTable, rows: Sequence[RunRow], differing: Sequence[str]) -> tuple[str, ...]:
    """Return the params that make settings: those that were swept, else those that differ.

    A param of an option (optimizer.momentum) is left out where the option decides its value.
    """
    relevant = [key for key in differing if key not in REPEATS]
    swept = [key for key in table.swept if key not in REPEATS]
    if swept and all(any(key in row.params for row in rows) for key in swept):
        return tuple(key for key in swept if key in relevant)
    ignored = tuple(table.ignored)
    options = option_keys(rows)
    keys = []
    for key in relevant:
        section = key.partition(".")[0]
        if section in ignored or any(key == other or key.startswith(f"{other}.") for other in ignored):
            continue
        if section == key or section not in options or not _is_decided_by(key, section, rows):
            keys.append(key)
    return tuple(keys)


def _is_decided_by(key: str, option: str, rows: Sequence[RunRow]) -> bool:
    """Return whether all runs of one option have the same value of a param."""
    values: dict[str | None, set[str | None]] = {}
    for row in rows:
        values.setdefault(row.params.get(option), set()).add(row.params.get(key))
    return all(len(group) == 1 for group in values.values())
