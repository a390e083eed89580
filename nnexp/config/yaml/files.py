"""Reading of YAML files: values that know their line, and errors that name file, line and remedy."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader  # YAML as Hydra reads it: 1e-3 is a number
from omegaconf.errors import GrammarParseError

from nnexp.config.errors import ConfigError, Problem
from nnexp.config.yaml.node import Origin, YamlList, YamlNode
from nnexp.messages import first_line, short_path

Loader = get_yaml_loader()
UTF16 = (b"\xff\xfe", b"\xfe\xff")
REMEDIES = {
    "cannot start any token": "text that begins with {character} needs quotes",
    "could not find expected ':'": "expected key: value, with a space after the colon",
    "expected <block end>": "this line is indented differently from the ones above, or a quote is not closed",
    "unexpected end of stream": "a quote is not closed",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
    "found undefined alias": "text that begins with * needs quotes",
    "found undefined tag": "text that begins with ! needs quotes",
    "could not determine a constructor": "text that begins with ! needs quotes",
}


def load_yaml(path: Path) -> tuple[DictConfig, str]:
    """Load a mapping from a YAML file; also returns its text.

    Raises:
        ConfigError: it is not valid YAML, or not a mapping.
    """
    text = _decode(path)
    try:
        root = yaml.compose(text, Loader)
        values = {} if root is None else _Reader(path).mapping(root)
        return OmegaConf.create(values), text
    except yaml.MarkedYAMLError as error:
        lines = text.splitlines()
        row = (error.problem_mark or error.context_mark).line
        if row >= len(lines) and error.context_mark is not None:  # at the end; it began in that line
            row = error.context_mark.line
        raise _error(path, row + 1, _explain(error, lines, row)) from error
    except yaml.YAMLError as error:
        raise _error(path, 1, first_line(error)) from error


class _Reader:
    """Builds values from the nodes of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.constructor = Loader("")

    def mapping(self, node: yaml.Node) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "text"
            raise _error(self.path, node.start_mark.line + 1, f"expected key: value, got {kind}")
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _error(self.path, line, "expected key: value, got a list or mapping as the key")
            if key.value in lines:
                what = f"the key {key.value} is there already, in line {lines[key.value]}; fix: remove one"
                raise _error(self.path, line, what)
            lines[key.value] = line
        self.constructor.flatten_mapping(node)
        return {self.constructor.construct_object(key): self.value(inner) for key, inner in node.value}

    def value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return YamlList([self.value(item) for item in node.value])
        value = self.constructor.construct_object(node)
        text = node.value if node.style is None and not isinstance(value, str) else ""
        line = node.start_mark.line + 1
        try:
            return YamlNode(value, Origin(self.path, line, text))
        except GrammarParseError as error:
            raise _error(self.path, line, f"{value}: ${{ begins an interpolation ${{key}}") from error


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8: the byte 0x{content[error.start]:02x}; fix: save the file as UTF-8"
        raise _error(path, line, what) from error


def _explain(error: yaml.MarkedYAMLError, lines: list[str], row: int) -> str:
    """Word an error of the YAML parser in a row of the file, with that line."""
    problem = error.problem or ""
    line = lines[row] if row < len(lines) else ""
    column = (error.problem_mark or error.context_mark).column
    if "\t" in line[: column + 1]:
        return f"a tab; YAML is indented with spaces; fix: replace the tab by spaces\n{line.expandtabs(4)}"
    if "mapping values are not allowed" in problem:
        above = next((above for above in reversed(lines[:row]) if above.strip()), "")
        what = "it is indented differently from the line above it"
        if ": " in line.strip().partition(": ")[2] or line.strip().partition(": ")[2].endswith(":"):
            what = "text with a colon needs quotes"
        elif ":" not in above:
            what = f"the line above has no colon: {above.strip()}"
        return f"{what}\n{line}"
    remedies = [remedy for key, remedy in REMEDIES.items() if key in problem]
    what = " ".join(filter(None, [error.context, problem]))
    if remedies:
        what = remedies[0].format(character=line[column : column + 1])
    return f"{what}\n{line}" if line else what


def _error(path: Path, line: int, what: str) -> ConfigError:
    return ConfigError([Problem(f"{short_path(path)}, line {line}", what)])
