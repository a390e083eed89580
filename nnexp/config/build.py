"""From a composed configuration to objects: check everything, then build everything. The only file with `instantiate`."""

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.check import check
from nnexp.config.problems import ConfigError, Problem
from nnexp.config.schema import Settings, TrackingSettings, TrainerSettings


def build(config: DictConfig | dict[str, Any]) -> Settings:
    """Check a configuration and build its parts.

    Raises:
        ConfigError: tells all mistakes; nothing was built.
    """
    values = plain(config)
    if problems := mistakes(values):
        raise ConfigError(problems)
    built = instantiate(values, _convert_="all")
    sections = {"trainer": TrainerSettings(**built["trainer"]), "tracking": TrackingSettings(**built["tracking"])}
    return Settings(**(built | sections))


def plain(config: DictConfig | dict[str, Any]) -> dict[str, Any]:
    """The configuration as plain dictionaries and lists, every interpolation resolved."""
    try:
        values = OmegaConf.to_container(OmegaConf.create(config), resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError([Problem(str(error.full_key or ""), (error.msg or str(error)).splitlines()[0])]) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def mistakes(values: dict[str, Any]) -> list[Problem]:
    """Every mistake in a plain configuration."""
    plugins = values.get("plugins")
    listed = tuple(map(str, plugins)) if isinstance(plugins, list) else ()
    return check(Settings, values, plugins=listed)
