"""Examination of overrides: all errors of all overrides, and the composition of those that are valid.

Hydra stops at the first override that it rejects. So each override is parsed by itself, those that are wrong
are left out, and the composition of the others is validated as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra import compose as hydra_compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Transformer
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.build import examine, resolved
from nnexp.config.errors import ConfigError, Problem
from nnexp.config.naming import flattened
from nnexp.config.validation import TARGET
from nnexp.config.yaml_node import origins_of
from nnexp.messages import did_you_mean, first_line, nearest

OPTIONAL = ("experiment", "debug")  # config groups that may be null


@dataclass(frozen=True)
class Examination:
    """What the overrides of a command line make."""

    config: DictConfig | None  # of the valid ones, a sweep's with the first value of each; None: impossible
    problems: list[Problem]  # all errors; in a sweep, of every value that is swept over
    is_sweep: bool  # by -m, or by a preset whose hydra.mode is MULTIRUN


@dataclass(frozen=True)
class CheckedOverride:
    """An override that can be parsed."""

    parsed: Override  # by Hydra
    is_group: bool  # whether it chooses the option of a config group
    values: list[str]  # one override for each value of a sweep, unknown options replaced by the nearest

    @property
    def text(self) -> str:
        return str(self.parsed.input_line)


class OverridesExaminer:
    """Examines the overrides of one command line."""

    def __init__(self, loader: ConfigLoader, sweep: bool, config_name: str) -> None:
        self.loader = loader
        self.sweep = sweep  # whether several values of an override make a sweep (-m)
        self.config_name = config_name
        self.groups = [group for group in loader.list_groups("") if group != "hydra"]
        self.problems: list[Problem] = []

    def examine(self, overrides: Sequence[str]) -> Examination:
        """Parse, compose and validate overrides; in a sweep, every value."""
        texts = dict.fromkeys([*self.sweep_of_preset(overrides), *overrides])
        checked = [override for text in texts if (override := self.parse(text)) is not None]
        checked.sort(key=lambda override: not override.is_group)
        config = self.compose(checked, report=False)
        if config is None:
            checked, config = self.compose_valid(checked)
        if config is not None:
            self.validate(config)
            for override in checked:
                for value in override.values[1:]:  # one sweep at a time; the product would take long
                    swept = self.compose(checked, replaced={override.text: value})
                    if swept is not None:
                        self.validate(swept)
        return Examination(config, list(dict.fromkeys(self.problems)), self.sweep)

    def compose_valid(
        self, checked: list[CheckedOverride]
    ) -> tuple[list[CheckedOverride], DictConfig | None]:
        """Compose the groups and those of the other overrides that fit them."""
        groups = [override for override in checked if override.is_group]
        base = self.compose(groups)
        if base is None:
            return groups, None
        others = [override for override in checked if not override.is_group and self.has_key(override, base)]
        valid = [override for override in others if self.is_accepted(override, groups)]
        return groups + valid, self.compose(groups + valid)

    def sweep_of_preset(self, overrides: Sequence[str]) -> list[str]:
        """Return the sweep of a preset as overrides, without keys that the command line sets itself."""
        given = {text.lstrip("+").partition("=")[0] for text in overrides}
        keys = (*OPTIONAL, "hydra.mode")
        presets = [text for text in overrides if text.partition("=")[0] in keys]
        presets = [text for text in presets if not text.endswith("=null")]
        if not presets:
            return []
        try:
            hydra = hydra_compose(self.config_name, presets, return_hydra_config=True).hydra
        except (HydraException, OmegaConfBaseException):
            return []  # reported when all overrides are composed
        if hydra.mode != RunMode.MULTIRUN:
            return []
        self.sweep = True
        swept = hydra.sweeper.get("params") or {}
        return [f"{key}={value}" for key, value in swept.items() if key not in given]

    def parse(self, text: str) -> CheckedOverride | None:
        """Parse an override by itself, and report what is wrong with it."""
        try:
            (parsed,) = OverridesParser.create(self.loader).parse_overrides([text])
        except HydraException as error:
            self.reject(text, f"cannot be parsed: {first_line(str(error))}; expected key=value")
            return None
        values = self.values_of(parsed)
        problem = ""
        if not parsed.key_or_group:
            problem = "cannot be parsed: there is no key; expected key=value"
        elif parsed.is_sweep_override() and not self.sweep:
            problem = "several values make a sweep; fix: add -m, or write one value that is a list as [a,b]"
        elif parsed.is_discrete_sweep() and not values:
            problem = "a sweep over no values"
        if problem:
            self.reject(text, problem)
            return None
        is_group = parsed.key_or_group in self.groups and not parsed.is_delete()
        if is_group:
            values = self.known_options(str(parsed.key_or_group), values)
        return CheckedOverride(parsed, is_group, values)

    def values_of(self, parsed: Override) -> list[str]:
        """Return one override for each value that is swept over; none where a sweeper draws the values."""
        if not parsed.is_sweep_override():
            return [str(parsed.input_line)]
        if not parsed.is_discrete_sweep():
            return []
        key = parsed.get_key_element()
        return [f"{key}={value}" for value in parsed.sweep_iterator(Transformer.str)]

    def reject(self, text: str, what: str) -> None:
        """Report a problem of an override."""
        self.problems.append(Problem(text, what))

    def known_options(self, group: str, values: list[str]) -> list[str]:
        """Report options that do not exist, and replace each by the nearest one."""
        known = self.loader.get_group_options(group, ObjectType.CONFIG)
        valid = []
        for value in values:
            key, option = value.split("=", 1)
            if option in known:
                valid.append(value)
            elif option != "null" or group not in OPTIONAL:
                advice = did_you_mean(option, known)
                what = f"no such option; {advice}options: {', '.join(known)}"
                self.problems.append(Problem(f"{group}={option}", what))
                if (guess := nearest(option, known)) is not None:
                    valid.append(f"{key}={guess}")
        return valid

    def has_key(self, override: CheckedOverride, config: DictConfig) -> bool:
        """Return whether the configuration has the key that the override changes; report it if not."""
        parsed = override.parsed
        key = str(parsed.key_or_group)
        if key.startswith(("hydra.", "hydra/")) or parsed.is_add() or parsed.is_force_add():
            return True
        if parsed.is_delete() or _exists(config, key):
            return True
        leaves = dict(flattened(OmegaConf.to_container(config)))  # type: ignore[arg-type]
        known = {name for name in leaves if not name.endswith(TARGET)} | set(self.groups)
        parent = key.rpartition(".")[0]
        siblings = sorted(name for name in known if parent and name.rpartition(".")[0] == parent)
        advice = did_you_mean(key, known) + (f"keys there: {', '.join(siblings)}" if siblings else "")
        self.reject(override.text, f"no such key; {advice}".rstrip("; "))
        return False

    def is_accepted(self, override: CheckedOverride, groups: list[CheckedOverride]) -> bool:
        """Return whether Hydra accepts the override beside the groups; report why not."""
        try:
            hydra_compose(self.config_name, _first_values([*groups, override], {}))
        except (HydraException, OmegaConfBaseException) as error:
            self.reject(override.text, first_line(str(error.__cause__ or error)))
            return False
        return True

    def compose(
        self, checked: list[CheckedOverride], report: bool = True, replaced: Mapping[str, str] | None = None
    ) -> DictConfig | None:
        """Compose the first value of each override; None, and a problem if `report`, where Hydra refuses."""
        try:
            overrides = _first_values(checked, replaced or {})
            config = hydra_compose(self.config_name, overrides, return_hydra_config=True)
        except (HydraException, OmegaConfBaseException) as error:
            if report:
                self.reject("", (str(error) or str(error.__cause__)).strip())
            return None
        choices = config.hydra.runtime.choices
        with open_dict(config):
            del config["hydra"]
        return record_choices(config, choices)

    def validate(self, config: DictConfig) -> None:
        """Report the errors of a composed configuration."""
        try:
            self.problems += examine(resolved(config), dict(origins_of(config)))[1]
        except ConfigError as error:
            self.problems += error.problems


def _first_values(checked: list[CheckedOverride], replaced: Mapping[str, str]) -> list[str]:
    """Return the first value of each override, or the one that replaces it."""
    return [replaced.get(override.text, override.values[0]) for override in checked if override.values]


def _exists(config: DictConfig, key: str) -> bool:
    parent, _, leaf = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and leaf in list(node.keys())  # `in` is False for what is ???


def record_choices(config: DictConfig, choices: Mapping[Any, Any]) -> DictConfig:
    """Write into a configuration which option of each group it was composed from."""
    with open_dict(config):
        options = sorted((str(group), option) for group, option in choices.items() if option)
        config.choices = {key: option for key, option in options if key != "local" and "hydra/" not in key}
    return config
