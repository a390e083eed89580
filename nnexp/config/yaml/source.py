"""The config source of Hydra for our YAML files and the user's."""

import copy
import re
from functools import lru_cache
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, ListConfig, OmegaConf

from nnexp.config.yaml.files import load_yaml

PACKAGE = re.compile(r"(?:\s*#.*\n|\s*\n)*?\s*#\s*@package\s+(\S+)")  # among the comments at the top


class YamlSource(FileConfigSource):
    """Reads a folder of YAML files as Hydra does, but keeps where each value comes from."""

    @staticmethod
    def scheme() -> str:
        return "yaml"

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(self.path) / self._normalize_file_name(config_path)
        status = path.stat()
        config, package = load_file(path, status.st_mtime_ns, status.st_size)
        return ConfigResult(self.provider, self.full_path(), copy.deepcopy(config), {"package": package})


@lru_cache(maxsize=256)
def load_file(path: Path, mtime_ns: int, size: int) -> tuple[DictConfig, str | None]:
    """Load a file and its package; the result is shared: a sweep over groups reads a file many times."""
    config, text = load_yaml(path)
    if isinstance(defaults := config.get("defaults"), ListConfig):
        config["defaults"] = OmegaConf.to_container(defaults)  # Hydra wants bare values there
    package = PACKAGE.match(text)
    return config, package[1] if package else None


Plugins.instance().register(YamlSource)
