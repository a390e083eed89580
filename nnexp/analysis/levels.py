"""The levels of a param: its values in order, many numbers as ranges of equally many runs."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from nnexp.analysis.run_table import RunRow
from nnexp.analysis.setting_names import as_number, format_value
from nnexp.messages import number

MAX_LEVELS = 12
RANGES = 5  # that more numbers than MAX_LEVELS are cut into


@dataclass(frozen=True)
class Levels:
    """The levels of one param."""

    key: str
    names: tuple[str, ...]
    level_of: dict[str, int]  # by the param's value

    def of(self, row: RunRow) -> int | None:
        """Return the level of a run; None: it lacks the param."""
        return self.level_of.get(row.params.get(self.key, ""))

    @property
    def are_ranges(self) -> bool:
        """Whether a level holds several values."""
        return len(self.names) < len(self.level_of)


def levels_of(rows: Sequence[RunRow], key: str, max_levels: int = MAX_LEVELS) -> Levels:
    """Return the levels of a param: numbers by size, many as ranges; others in the order of the runs."""
    texts = list(dict.fromkeys(row.params[key] for row in rows if key in row.params))
    numbers = {text: value for text in texts if (value := as_number(text)) is not None}
    if len(numbers) < len(texts):
        return Levels(key, tuple(map(format_value, texts)), {text: index for index, text in enumerate(texts)})
    texts.sort(key=numbers.__getitem__)
    if len(texts) <= max_levels:
        return Levels(key, tuple(texts), {text: index for index, text in enumerate(texts)})
    values = sorted(numbers[row.params[key]] for row in rows if key in row.params)
    ends = sorted({values[(index + 1) * len(values) // RANGES - 1] for index in range(RANGES)})
    level_of = {text: bisect_left(ends, numbers[text]) for text in texts}
    members = [[numbers[text] for text in texts if level_of[text] == level] for level in range(len(ends))]
    names = (f"{number(min(group))} to {number(max(group))}" for group in members)
    return Levels(key, tuple(names), level_of)
