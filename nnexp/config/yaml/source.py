"""The config source of Hydra for our YAML files and the user's."""

import re
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from omegaconf import ListConfig, OmegaConf

from nnexp.config.yaml.files import load_yaml

PACKAGE = re.compile(r"(?:\s*#.*\n|\s*\n)*?\s*#\s*@package\s+(\S+)")  # among the comments at the top


class YamlSource(FileConfigSource):
    """Reads a folder of YAML files as Hydra does, but keeps where each value comes from."""

    @staticmethod
    def scheme() -> str:
        return "yaml"

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(self.path) / self._normalize_file_name(config_path)
        config, text = load_yaml(path)
        if isinstance(defaults := config.get("defaults"), ListConfig):
            config["defaults"] = OmegaConf.to_container(defaults)  # Hydra wants bare values there
        package = PACKAGE.match(text)
        header = {"package": package[1] if package else None}
        return ConfigResult(self.provider, self.full_path(), config, header)


Plugins.instance().register(YamlSource)
