"""Settings of a search: the section `search`, whose values also have the names of the official sweeper."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from nnexp.config.schema import SearchSettings

OFFICIAL_NAMES = {"trials": "n_trials", "sampler": "sampler", "direction": "direction", "storage": "storage"}
"""Keys of `hydra.sweeper`, which by default have the value of the section."""


def search_settings(config: DictConfig) -> SearchSettings:
    """Return the settings of a search, from the configuration of its command."""
    section: Any = OmegaConf.to_container(config.search, resolve=True)
    sweeper: Mapping[str, Any] = config.hydra.sweeper
    official = {key: sweeper[name] for key, name in OFFICIAL_NAMES.items() if name in sweeper}
    return SearchSettings(**{one.name: (section | official)[one.name] for one in fields(SearchSettings)})
