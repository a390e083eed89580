"""Composition by Hydra, of which what the config groups make is composed once and copied afterwards.

Hydra reads every YAML file of a configuration for every job of a sweep. The files that are read depend on the
overrides of groups only, so their composition is kept, and single keys are set in a copy of it.
"""

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException, HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

OF_COMPOSITION = (
    "hydra.searchpath",
    "hydra.job.env_copy",
)  # keys of hydra that Hydra reads while it composes


@lru_cache(maxsize=1 << 14)
def parse_override(text: str) -> Override:
    """Parse an override; the result is shared, and must not be changed."""
    return OverridesParser.create().parse_override(text)


class CachingLoader(ConfigLoaderImpl):
    """Composes exactly as Hydra's own loader does.

    More than there, the options of a group are also those in folders within it, which `glob(*)` matches too.
    """

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.compositions: dict[tuple[str | None, ...], DictConfig | Exception] = {}
        self.settings: dict[tuple[str | None, ...], DictConfig] = {}
        self.checked: set[tuple[str | None, ...]] = set()  # whose section `hydra` is allowed

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"compositions": {}, "settings": {}, "checked": set()}

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose overrides, in a copy of what their groups make."""
        written = [self.written(text) for text in overrides]
        parsed = list(map(parse_override, written))
        is_sweep = any(override.is_sweep_override() for override in parsed)
        composed = None if is_sweep else self.composition(config_name, self.deciding(written))
        if composed is not None and not composed.hydra.searchpath:
            config = copy.deepcopy(composed)
            set_values(config, self.values(written))
            record_overrides(config, parsed)
            return config
        try:
            return super().load_configuration(
                config_name, written, run_mode, from_shell, validate_sweep_overrides
            )
        except HydraException:  # an override may not fit the default option of a group that is swept over
            if run_mode != RunMode.MULTIRUN or not is_sweep:
                raise
        config = self.load_configuration(config_name, list(map(self.first_value, written)), RunMode.RUN)
        record_overrides(config, parsed)
        return config

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        """List the options of a group, also those in folders within it: experiment=paper/lenet5."""
        options = super().get_group_options(group_name, results_filter, config_name, overrides)
        if results_filter is not ObjectType.CONFIG or group_name.startswith("hydra"):
            return options  # a folder within a group of Hydra's is a group of its own
        for folder in super().get_group_options(group_name, ObjectType.GROUP, config_name, overrides):
            inner = self.get_group_options(f"{group_name}/{folder}", results_filter, config_name, overrides)
            options += [f"{folder}/{option}" for option in inner]
        return options

    def load_shared(self, config_name: str, overrides: list[str]) -> DictConfig:
        """Compose overrides; the result may be shared, and must not be changed."""
        if not self.values(overrides):
            composed = self.composition(config_name, self.deciding(overrides))
            if not composed.hydra.searchpath:
                return composed
        return self.load_configuration(config_name, overrides, RunMode.RUN)

    def load_settings(self, config_name: str | None, overrides: Sequence[str]) -> DictConfig:
        """Compose overrides without the section `hydra`; the option of each group is in `choices`."""
        groups = self.deciding(overrides)
        key = (config_name, *groups)
        if key not in self.settings:
            composed = self.composition(config_name, groups)
            settings = OmegaConf.masked_copy(composed, [str(name) for name in composed if name != "hydra"])
            OmegaConf.set_struct(settings, True)
            self.settings[key] = record_choices(settings, composed.hydra.runtime.choices)
        settings = copy.deepcopy(self.settings[key])
        set_values(settings, [one for one in self.values(overrides) if not one.is_hydra_override()])
        return settings

    def composition(self, config_name: str | None, overrides: Sequence[str]) -> DictConfig:
        """Return what overrides of groups make; it is shared, and must not be changed."""
        key = (config_name, *overrides)
        if key not in self.compositions:
            try:
                self.compositions[key] = super().load_configuration(config_name, list(overrides), RunMode.RUN)
            except (HydraException, OmegaConfBaseException) as error:
                self.compositions[key] = error
        composed = self.compositions[key]
        if isinstance(composed, Exception):
            raise composed
        return composed

    def deciding(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides that decide which files are read."""
        return [self.written(text) for text in overrides if self.decides_files(parse_override(text))]

    def written(self, text: str) -> str:
        """Return an override as Hydra accepts it, which takes no null as the option of a group."""
        parsed = parse_override(text)
        is_null = parsed.value() is None and not parsed.is_delete()
        return f"~{parsed.key_or_group}" if is_null and self.decides_files(parsed) else text

    def values(self, overrides: Sequence[str]) -> list[Override]:
        """Return the overrides of single keys."""
        parsed = map(parse_override, overrides)
        return [override for override in parsed if not self.decides_files(override)]

    def first_value(self, text: str) -> str:
        """Return an override of the first value that an override sweeps over."""
        if not parse_override(text).is_sweep_override():
            return text
        (parsed,) = OverridesParser.create(self).parse_overrides(
            [text]
        )  # with the options that a glob matches
        return f"{parsed.get_key_element()}={next(iter(parsed.sweep_string_iterator()))}"

    def decides_files(self, override: Override) -> bool:
        """Return whether Hydra needs the override before it reads files."""
        key = override.key_or_group
        if override.package is not None or key.startswith(OF_COMPOSITION):
            return True
        if override.is_sweep_override():
            return False
        return bool(key) and not isinstance(override.value(), dict) and self.repository.group_exists(key)


def record_overrides(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Write into the section `hydra` what it was composed from."""
    hydra = config.hydra
    task = [override for override in overrides if not override.is_hydra_override()]
    names = hydra.job.config.override_dirname
    with open_dict(hydra):
        hydra.overrides.task = [override.input_line for override in task]
        hydra.overrides.hydra = [one.input_line for one in overrides if one.is_hydra_override()]
        hydra.job.override_dirname = get_overrides_dirname(
            task, exclude_keys=names.exclude_keys, item_sep=names.item_sep, kv_sep=names.kv_sep
        )


def record_choices(config: DictConfig, choices: Mapping[Any, Any]) -> DictConfig:
    """Write into a configuration which option of each group it was composed from."""
    with open_dict(config):
        options = sorted((str(group), option) for group, option in choices.items() if option)
        config.choices = {key: option for key, option in options if key != "local" and "hydra/" not in key}
    return config


def set_values(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Set single keys in a configuration as Hydra does, with its errors."""
    try:
        ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)
    except OmegaConfBaseException as error:
        raise ConfigCompositionException from error
