"""What Hydra's sweepers make of overrides: the section `hydra` of a command line, and the jobs."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.overrides.checked_override import CheckedOverride, key_of
from nnexp.config.overrides.loader import CachingLoader, parse_override

PRESETS = ("experiment", "hparams_search", "debug", "hydra.mode")
Job = tuple[str, ...]  # overrides of one value each
OPTUNA_SWEEPER = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"  # ours takes its place
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def compose_hydra(loader: CachingLoader, config_name: str, overrides: Sequence[str]) -> DictConfig | None:
    """Compose the section `hydra` of overrides that have one value; None: they are invalid."""
    single = [text for text in overrides if is_about_hydra(loader, text)]
    known = [text for text in single if has_option(loader, parse_override(text))]
    for texts in (single, known, [text for text in single if key_of(text) in PRESETS]):
        with suppress(HydraException, OmegaConfBaseException):
            composed: DictConfig = loader.load_shared(config_name, texts).hydra
            return composed
    return None


def is_group_of_hydra(loader: CachingLoader, parsed: Override) -> bool:
    """Return whether an override selects an option of a config group within `hydra`."""
    group = str(parsed.key_or_group)
    return group.startswith("hydra/") and bool(loader.get_group_options(group, ObjectType.CONFIG))


def has_option(loader: CachingLoader, parsed: Override) -> bool:
    """Return whether an override selects an option that exists, or is none of a group within `hydra`."""
    if not is_group_of_hydra(loader, parsed):
        return True
    options = loader.get_group_options(str(parsed.key_or_group), ObjectType.CONFIG)
    return parsed.value() is None or str(parsed.value()) in options


def is_about_hydra(loader: CachingLoader, text: str) -> bool:
    """Return whether an override has one value, and may set a key of `hydra`."""
    try:
        parsed = parse_override(text)
    except HydraException:
        return False
    if parsed.is_sweep_override():
        return False
    return parsed.is_hydra_override() or loader.decides_files(parsed)


def values_of(parsed: Override, sweep: bool) -> list[str]:
    """Return an override for each value, as Hydra's basic sweeper writes it; of an interval, its ends."""
    key = parsed.get_key_element()
    if parsed.is_sweep_override():
        texts = parsed.sweep_string_iterator() if parsed.is_discrete_sweep() else ends_of(parsed.value())
        return [f"{key}={value}" for value in texts]
    return [f"{key}={parsed.get_value_element_as_str()}"] if sweep else [str(parsed.input_line)]


def ends_of(interval: Any) -> list[str]:
    """Return values at the ends of an interval: of integers the first and the last, else close to them."""
    if not isinstance(interval, IntervalSweep) or interval.start is None or interval.end is None:
        return []
    low, high = interval.start, interval.end
    margin = 0 if isinstance(low, int) and isinstance(high, int) else (high - low) / 100
    return [repr(low + margin), repr(high - margin)]


def value_text(text: str) -> str:
    """Return the value of an override as text, without the quotes that Hydra needs."""
    parsed = parse_override(text)
    value = parsed.value()
    return value if isinstance(value, str) else parsed.get_value_element_as_str()


@dataclass(frozen=True)
class Grid:
    """The jobs that overrides make, in the order of Hydra's basic sweeper; one job of a run.

    Attributes:
        axes: an override for each value of a key.
        hydra: overrides of the section `hydra`, which all jobs have.
        swept: keys with several values.
    """

    axes: list[list[str]]
    hydra: Job
    swept: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, checked: Sequence[CheckedOverride]) -> "Grid":
        """Make the grid of overrides."""
        hydra = [one for one in checked if one.parsed.is_hydra_override()]
        others = [one for one in checked if one.values and one not in hydra]
        swept = frozenset(one.key for one in checked if one.parsed.is_sweep_override())
        axes = [one.values for one in others]
        return cls(axes, tuple(text for one in hydra for text in one.values), swept)

    @property
    def count(self) -> int:
        """How many jobs there are."""
        return prod(map(len, self.axes))

    def __iter__(self) -> Iterator[Job]:
        """Yield all jobs."""
        yield from product(*self.axes)

    def swept_values(self, job: Job) -> dict[str, str]:
        """Return the values of a job by the keys that are swept over, without + before these."""
        pairs = ((text.partition("=")[0], text) for text in job)
        return {key_of(text): value_text(text) for key, text in pairs if key in self.swept}
