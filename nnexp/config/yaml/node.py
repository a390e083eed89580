"""Values of a configuration that remember where they come from: file, line, and the text that was written.

OmegaConf keeps the nodes when it merges and copies; a value that replaces one (an override) has no origin.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import AnyNode, DictConfig, ListConfig

from nnexp.messages import short_path


@dataclass(frozen=True)
class Origin:
    """The place of a value in a YAML file."""

    file: Path
    line: int  # from 1
    text: str = ""  # of a plain scalar that YAML reads as something else than text

    def __str__(self) -> str:
        return f"{short_path(self.file)}, line {self.line}"


class YamlNode(AnyNode):
    """A scalar with its origin."""

    def __init__(self, value: Any, origin: Origin | None) -> None:
        super().__init__(value)
        self.__dict__["origin"] = origin

    def _set_value(self, value: Any, flags: dict[str, bool] | None = None) -> None:
        super()._set_value(value, flags)
        self.__dict__["origin"] = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "YamlNode":
        """Copy all but the value, as OmegaConf does, without its copy of what no scalar has."""
        metadata = copy.copy(self._metadata)
        metadata.flags = copy.copy(metadata.flags)
        copied = YamlNode.__new__(YamlNode)
        copied.__dict__.update(self.__dict__, _metadata=metadata)
        return copied


class YamlList(ListConfig):
    """A list that is merged node by node: OmegaConf merges the bare values of a list."""

    def _iter_ex(self, resolve: bool) -> Iterator[Any]:
        content = self.__dict__["_content"]
        if resolve or not isinstance(content, list):
            return super()._iter_ex(resolve)
        return map(copy.deepcopy, content)

    def __deepcopy__(self, memo: dict[int, Any]) -> ListConfig:
        copied = super().__deepcopy__(memo)
        object.__setattr__(copied, "__class__", YamlList)
        return copied


def origins_of(config: DictConfig | ListConfig, prefix: str = "") -> Iterator[tuple[str, Origin]]:
    """Yield the dotted keys of all values that come from YAML files, with their origins."""
    keys: Any = config.keys() if isinstance(config, DictConfig) else range(len(config))
    for key in keys:
        node: Any = config._get_node(key)
        if node is not None and node._is_interpolation():
            node = node._maybe_dereference_node() or node
        if isinstance(node, DictConfig | ListConfig):
            if not (node._is_none() or node._is_missing()):
                yield from origins_of(node, f"{prefix}{key}.")
        elif isinstance(node, YamlNode) and node.__dict__["origin"] is not None:
            yield f"{prefix}{key}", node.__dict__["origin"]
