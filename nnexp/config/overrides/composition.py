"""What Hydra composes of valid overrides: the settings, with the option of each group in `choices`."""

from collections.abc import Sequence
from contextlib import suppress

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from nnexp.config.errors import ConfigError
from nnexp.config.expansion import check_expansion
from nnexp.config.hydra_section import hydra_problems
from nnexp.config.naming import flattened
from nnexp.config.overrides.loader import CachingLoader
from nnexp.config.validation import TARGET, Values
from nnexp.messages import did_you_mean


def compose_settings(
    loader: CachingLoader, config_name: str, overrides: Sequence[str], number: int = 0
) -> DictConfig:
    """Compose overrides of one value each, as those of a job of that number.

    Raises:
        HydraException, OmegaConfBaseException: they are invalid.
        ConfigError: what the section `hydra` asks for is refused.
    """
    check_hydra(loader, config_name, overrides)
    settings = loader.load_settings(config_name, overrides)
    if "${hydra:" in str(to_values(settings)):
        check_expansion(settings)
        config = loader.load_configuration(config_name, list(overrides), RunMode.RUN, from_shell=False)
        resolve_in_job(settings, config, number)
    return settings


def check_hydra(loader: CachingLoader, config_name: str, overrides: Sequence[str]) -> None:
    """Raise a ConfigError if what the section `hydra` asks for is refused; it is checked once."""
    groups = loader.deciding(overrides)
    values = [
        one for one in overrides if one.lstrip("+~").startswith(("hydra.", "plugins")) and one not in groups
    ]
    relevant = (config_name, *groups, *values)
    if relevant in loader.checked:
        return
    config = loader.load_shared(config_name, [*groups, *values])
    if problems := list(hydra_problems(config, plugins_of(config))):
        raise ConfigError(problems)
    loader.checked.add(relevant)


def plugins_of(config: DictConfig) -> list[str]:
    """Return the packages of `plugins`; an invalid value is reported where the settings are validated."""
    plugins = to_values(OmegaConf.masked_copy(config, ["plugins"])).get("plugins")
    return [name for name in plugins if isinstance(name, str)] if isinstance(plugins, list) else []


def resolve_in_job(settings: DictConfig, config: DictConfig, number: int) -> None:
    """Resolve interpolations as in that job; what cannot be resolved stays, and is reported later."""
    hydra = config.hydra
    with read_write(hydra), open_dict(hydra):
        hydra.job.num = number
        hydra.job.id = str(number)
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
