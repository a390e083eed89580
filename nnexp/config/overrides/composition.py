"""What Hydra composes of valid overrides: the settings, with the option of each group in `choices`."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from hydra import compose as hydra_compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.errors import ConfigError
from nnexp.config.expansion import check_expansion
from nnexp.config.hydra_section import hydra_problems
from nnexp.config.naming import flattened
from nnexp.config.validation import TARGET, Values
from nnexp.messages import did_you_mean


def compose_settings(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose overrides of one value each.

    Raises:
        HydraException, OmegaConfBaseException: they are invalid.
        ConfigError: what the section `hydra` asks for is refused.
    """
    config = hydra_compose(config_name, list(overrides), return_hydra_config=True)
    if problems := list(hydra_problems(config, plugins_of(config))):
        raise ConfigError(problems)
    choices = config.hydra.runtime.choices
    settings = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    check_expansion(settings)
    if "${hydra:" in str(to_values(settings)):
        resolve_as_first_job(settings, config)
    return record_choices(settings, choices)


def plugins_of(config: DictConfig) -> list[str]:
    """Return the packages of `plugins`; an invalid value is reported where the settings are validated."""
    plugins = to_values(OmegaConf.masked_copy(config, ["plugins"])).get("plugins")
    return [name for name in plugins if isinstance(name, str)] if isinstance(plugins, list) else []


def resolve_as_first_job(settings: DictConfig, config: DictConfig) -> None:
    """Resolve interpolations as in the first job; what cannot be resolved stays, and is reported later."""
    hydra = config.hydra
    with read_write(hydra), open_dict(hydra):
        hydra.job.num = 0
        hydra.job.id = "0"
        hydra.runtime.output_dir = hydra.run.dir
    instance = HydraConfig.instance()
    before = instance.cfg
    instance.set_config(config)
    try:
        with suppress(OmegaConfBaseException):
            OmegaConf.resolve(settings)
    finally:
        instance.cfg = before


def to_values(config: DictConfig) -> Values:
    """Return a configuration as plain dictionaries and lists, with interpolations as they are."""
    values = OmegaConf.to_container(config, resolve=False)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def record_choices(config: DictConfig, choices: Mapping[Any, Any]) -> DictConfig:
    """Write into a configuration which option of each group it was composed from."""
    with open_dict(config):
        options = sorted((str(group), option) for group, option in choices.items() if option)
        config.choices = {key: option for key, option in options if key != "local" and "hydra/" not in key}
    return config


def has_setting(config: DictConfig, key: str) -> bool:
    """Return whether a configuration has a dotted key, with a value or without one."""
    parent, _, leaf = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return isinstance(node, DictConfig) and leaf in list(node.keys())  # `in` is False for what is ???


def explain_unknown_key(key: str, config: DictConfig, groups: list[str]) -> str:
    """Return the nearest key, and those of the same section."""
    known = {name for name, _ in flattened(to_values(config)) if not name.endswith(TARGET)} | set(groups)
    parent = key.rpartition(".")[0]
    siblings = sorted(name for name in known if parent and name.rpartition(".")[0] == parent)
    advice = did_you_mean(key, known) + (f"keys there: {', '.join(siblings)}" if siblings else "")
    return f"no such key; {advice}".rstrip("; ")
