"""An override that Hydra can parse, with the values that it takes in a sweep."""

from dataclasses import dataclass

from hydra.core.override_parser.types import Override


@dataclass(frozen=True)
class CheckedOverride:
    """An override that can be parsed."""

    parsed: Override  # by Hydra
    values: list[str]  # one override for each value of a sweep, unknown options replaced by the nearest

    @property
    def text(self) -> str:
        return str(self.parsed.input_line)

    @property
    def key(self) -> str:
        """The key with a group's package, and with what comes before it: + or ~."""
        return str(self.parsed.get_key_element())

    @property
    def is_interval(self) -> bool:
        """Whether it is an interval, from which a search draws."""
        return self.parsed.is_sweep_override() and not self.parsed.is_discrete_sweep()


def key_of(text: str) -> str:
    """Return the key of an override, without what comes before it."""
    return text.partition("=")[0].lstrip("+~")
