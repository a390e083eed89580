"""Reading of YAML files: values that know their line, and errors that name file, line and remedy."""

import re
from math import isnan
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import get_yaml_loader  # YAML as Hydra reads it: 1e-3 is a number
from omegaconf.errors import GrammarParseError

from nnexp.config.errors import ConfigError, Problem
from nnexp.config.nesting import NestingError, check_nesting
from nnexp.config.yaml.bounded import compose_nodes, read_yaml_bytes
from nnexp.config.yaml.node import Origin, YamlList, YamlNode
from nnexp.messages import short_path, shortened

Loader = get_yaml_loader()
COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
SURROGATE = re.compile(r"[\ud800-\udfff]")
BEYOND = re.compile(r"\\U(?!000|0010)")
MAX_BITS = 1024  # of a whole number: larger ones are infinite as a float
MAX_SHOWN = 160  # characters of a line in a message
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
    """Load a mapping from a YAML file, as Hydra reads it; also returns its text.

    Raises:
        ConfigError: it is not valid YAML, or not a mapping, or too large.
    """
    values, text = _read(path, Loader, OriginReader)
    return OmegaConf.create(values), text


def load_plain_yaml(path: Path) -> dict[Any, Any]:
    """Load a mapping from a YAML file as plain values, as PyYAML reads and writes it; errors: `load_yaml`."""
    return _read(path, yaml.SafeLoader, NodeReader)[0]


def _read(path: Path, loader: Any, reader: "type[NodeReader]") -> tuple[dict[Any, Any], str]:
    """Read the mapping in a file with the rules of a loader; also returns the text."""
    text = _decode(path)
    try:
        root = compose_nodes(text, loader)
        return ({} if root is None else reader(path, loader).mapping(root)), text
    except yaml.MarkedYAMLError as error:
        lines = text.splitlines()
        row = (error.problem_mark or error.context_mark).line
        if row >= len(lines) and error.context_mark is not None:  # at the end; it began in that line
            row = error.context_mark.line
        raise _error(path, row + 1, _explain(error, lines, row)) from error
    except yaml.reader.ReaderError as error:
        what = f"the character U+{error.character:04X} is not allowed; fix: delete it"
        raise _error(path, text.count("\n", 0, error.position) + 1, what) from error
    except (ValueError, OverflowError) as error:  # of an escape beyond U+10FFFF
        escape = BEYOND.search(text)
        line = text.count("\n", 0, escape.start()) + 1 if escape else 1
        raise _error(path, line, f"an escape that is no character: {error}; fix: delete it") from error


class NodeReader:
    """Builds plain values from the nodes of one file: mappings, lists, text, numbers, true, false, null."""

    def __init__(self, path: Path, loader: Any) -> None:
        self.path = path
        self.constructor = loader("")

    def mapping(self, node: yaml.Node) -> dict[Any, Any]:
        self.check_tag(node)
        if not isinstance(node, yaml.MappingNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "text"
            raise self.error(node, f"expected key: value, got {kind}")
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "expected key: value, got a list or mapping as the key")
            if key.value in lines:
                where = f"is there already, in line {lines[key.value]}"
                raise self.error(key, f"the key {shortened(key.value)} {where}; fix: remove one")
            lines[key.value] = key.start_mark.line + 1
        self.constructor.flatten_mapping(node)
        return {self.key(key): self.value(inner) for key, inner in node.value}

    def key(self, node: yaml.Node) -> Any:
        key = NodeReader.scalar(self, node)
        if key is None or (isinstance(key, float) and isnan(key)):
            raise self.error(node, f"the key {node.value or 'null'} is no name; fix: put it in quotes")
        return key

    def value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node)
        if isinstance(node, yaml.SequenceNode):
            self.check_tag(node)
            return [self.value(item) for item in node.value]
        return self.scalar(node)

    def scalar(self, node: yaml.Node) -> Any:
        """Build text, a number, true, false or null."""
        shown = shortened(node.value)
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
            raise self.error(node, f"{shown} is no valid {node.tag.rpartition(':')[2]}") from error
        if not isinstance(value, bool | int | float | str | None):
            kind = node.tag.rpartition(":")[2]
            raise self.error(node, f"{shown} is read as a {kind}; fix: put it in quotes if it is text")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise self.error(node, f"{shown} is too large a number; fix: put it in quotes if it is text")
        if isinstance(value, str) and SURROGATE.search(value):
            raise self.error(node, "text with half a surrogate pair, which is no character; fix: delete it")
        return value

    def check_tag(self, node: yaml.Node) -> None:
        """Refuse sets, pairs and objects, which are mappings or lists with a tag."""
        if not isinstance(node, yaml.ScalarNode) and node.tag not in COLLECTIONS:
            tag = shortened(node.tag.replace("tag:yaml.org,2002:", "!!"))
            raise self.error(node, f"{tag} is not read; fix: write a plain list or mapping")

    def error(self, node: yaml.Node, what: str) -> ConfigError:
        return _error(self.path, node.start_mark.line + 1, what)


class OriginReader(NodeReader):
    """Builds values that know their line."""

    def value(self, node: yaml.Node) -> Any:
        value = super().value(node)
        return YamlList(value) if isinstance(value, list) else value

    def scalar(self, node: yaml.Node) -> Any:
        value = super().scalar(node)
        text = node.value if node.style is None and not isinstance(value, str) else ""
        try:
            if isinstance(value, str) and "${" in value:
                check_nesting(value)
            return YamlNode(value, Origin(self.path, node.start_mark.line + 1, text))
        except (GrammarParseError, NestingError) as error:
            what = f"{shortened(value)}: ${{ begins an interpolation ${{key}}"
            raise self.error(node, what) from error


def _decode(path: Path) -> str:
    try:
        content = read_yaml_bytes(path)
    except ValueError as error:
        raise ConfigError([Problem(str(short_path(path)), str(error))]) from error
    try:
        return content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8: the byte 0x{content[error.start]:02x}; fix: save the file as UTF-8"
        raise _error(path, line, what) from error


def _explain(error: yaml.MarkedYAMLError, lines: list[str], row: int) -> str:
    """Word an error of the YAML parser in a row of the file, with that line."""
    problem = error.problem or ""
    line = lines[row][:MAX_SHOWN] if row < len(lines) else ""
    column = (error.problem_mark or error.context_mark).column
    if "\t" in line[: column + 1]:
        return f"a tab; YAML is indented with spaces; fix: replace the tab by spaces\n{line.expandtabs(4)}"
    if "mapping values are not allowed" in problem:
        above = next((above for above in reversed(lines[:row]) if above.strip()), "")
        what = "it is indented differently from the line above it"
        if ": " in line.strip().partition(": ")[2] or line.strip().partition(": ")[2].endswith(":"):
            what = "text with a colon needs quotes"
        elif ":" not in above:
            what = f"the line above has no colon: {shortened(above.strip())}"
        return f"{what}\n{line}"
    remedies = [remedy for key, remedy in REMEDIES.items() if key in problem]
    what = " ".join(filter(None, [error.context, problem]))
    if remedies:
        what = remedies[0].format(character=line[column : column + 1])
    return f"{what}\n{line}" if line else what


def _error(path: Path, line: int, what: str) -> ConfigError:
    return ConfigError([Problem(f"{short_path(path)}, line {line}", what)])
