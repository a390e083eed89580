"""YAML files that may be damaged or hostile: bounded in size, depth and values before any value is made."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from nnexp.regular_file import open_regular

MAX_BYTES = 1 << 20  # of a file: a list of 50,000 names; PyYAML takes seconds for more
MAX_DEPTH = 40  # sections within sections
MAX_VALUES = 50_000  # where each alias counts as what it stands for


def read_yaml_bytes(path: Path) -> bytes:
    """Read a file; an OSError if it is no regular file, a ValueError if it is too large."""
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES:,} bytes, which no configuration needs; fix: shorten it")
    return content


def compose_nodes(text: str, loader: Any) -> yaml.Node | None:
    """Parse the one document of a text with a loader's rules into nodes; a YAMLError names the line."""
    return yaml.compose(text, _bounded(loader))


@cache
def _bounded(loader: Any) -> Any:
    """Return a loader that counts what it composes."""

    class BoundedLoader(loader):  # type: ignore[misc]
        depth = 0
        count = 0

        def compose_node(self, parent: Any, index: Any) -> yaml.Node:
            mark = self.peek_event().start_mark
            self.depth += 1
            self.count += 1
            self.check(self.depth, self.count, mark)
            is_alias = self.check_event(yaml.AliasEvent)
            node = super().compose_node(parent, index)
            self.depth -= 1
            if is_alias and not hasattr(node, "height"):
                raise yaml.composer.ComposerError(None, None, "an alias stands for what it is in", mark)
            if not is_alias:
                node.height, node.size = self.measure(node)
            self.check(self.depth + node.height, node.size, mark)
            return node

        def measure(self, node: yaml.Node) -> tuple[int, int]:
            """Return how deep a node is, and how many values it holds."""
            inner = [] if isinstance(node, yaml.ScalarNode) else node.value
            if isinstance(node, yaml.MappingNode):
                inner = [child for pair in inner for child in pair]
            height = 1 + max((child.height for child in inner), default=0)
            return height, 1 + sum(child.size for child in inner)

        def check(self, depth: int, values: int, mark: Any) -> None:
            if depth > MAX_DEPTH:
                problem = f"nested in more than {MAX_DEPTH} levels, which no configuration needs"
                raise yaml.composer.ComposerError(None, None, problem, mark)
            if values > MAX_VALUES:
                problem = f"more than {MAX_VALUES:,} values, counted with each alias as what it stands for"
                raise yaml.composer.ComposerError(None, None, problem, mark)

    return BoundedLoader
