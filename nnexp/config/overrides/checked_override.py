"""An override that Hydra can parse, with the values that it takes in a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hydra.core.override_parser.types import Override


@dataclass(frozen=True)
class CheckedOverride:
    """An override that can be parsed."""

    parsed: Override  # by Hydra
    is_group: bool  # whether it chooses the option of a config group
    values: list[str]  # one override for each value of a sweep, unknown options replaced by the nearest

    @property
    def key(self) -> str:
        return str(self.parsed.key_or_group)

    @property
    def text(self) -> str:
        return str(self.parsed.input_line)

    def adding(self) -> "CheckedOverride":
        """Return the override with + before it: it adds its key."""
        return replace(self, values=[f"+{value}" for value in self.values])


def first_values(checked: list[CheckedOverride], replaced: Mapping[str, str]) -> list[str]:
    """Return the first value of each override, or the one that replaces it."""
    return [replaced.get(override.text, override.values[0]) for override in checked if override.values]
