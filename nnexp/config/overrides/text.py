"""Overrides of settings that are text: what is typed is the text, whatever Hydra's grammar makes of it.

`data.target=3`, `tracking.run_name=1e5` and `data.path=wine (1).csv` are rewritten with the quotes that Hydra
needs; what it reads as text, as `null`, or as several values of a sweep stays as it is.
"""

import re
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal, get_origin

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import GrammarParseError
from omegaconf.grammar_parser import parse as parse_interpolations

from nnexp.config.annotations import item_annotation, kinds, wants_text
from nnexp.config.schema import Settings
from nnexp.config.validation import TARGET, Values, parameters_of
from nnexp.messages import quoted_text
from nnexp.serving.locate import locate

OVERRIDE = re.compile(r"(?P<key>\+{0,2}[\w.$/@-]+)=(?P<value>.*)", re.DOTALL | re.ASCII)
FOLDERS_OF_HYDRA = ("hydra.run.dir", "hydra.sweep.dir")
TEXTS_OF_HYDRA = (*FOLDERS_OF_HYDRA, "hydra.sweep.subdir", "hydra.job.name")
NETWORK_FOLDER = "\\\\"  # Hydra reads two backslashes as one
PAIRS = {"(": ")", "[": "]", "{": "}"}


def rewrite_all(texts: list[str], config: Values, sweep: bool) -> list[str]:
    """Rewrite overrides by the annotations of their keys in a configuration."""
    keys = [text.partition("=")[0].lstrip("+") for text in texts]
    annotations = [str if key in TEXTS_OF_HYDRA else annotation_at(config, key) for key in keys]
    return [rewrite(text, annotation, sweep) for text, annotation in zip(texts, annotations, strict=True)]


def annotation_at(config: Values, key: str) -> Any:
    """Return the annotation of the setting at a dotted key of a configuration; None where there is none."""
    plugins = tuple(map(str, config.get("plugins") or ()))
    target: Any = Settings
    section: Any = config
    annotation: Any = None
    for name in key.split("."):
        if annotation is not None:
            target = annotation if is_dataclass(annotation) else None
        if isinstance(section, dict) and isinstance(section.get(TARGET), str):
            with suppress(ValueError):
                target = locate(section[TARGET], plugins)
        if target is None or name not in parameters_of(target):
            return None
        annotation = parameters_of(target)[name][0]
        section = section.get(name) if isinstance(section, dict) else None
    return annotation


def rewrite(text: str, annotation: Any, sweep: bool) -> str:
    """Return an override with quotes around what is to be text by its annotation; sweep: several values."""
    match = OVERRIDE.fullmatch(text)
    if match is None:
        return text
    value = match["value"].strip()
    if match["key"].lstrip("+") in FOLDERS_OF_HYDRA and value.startswith("~"):
        value = str(Path(value).expanduser())
    items = split_items(value)
    if value.startswith("choice(") and value.endswith(")") and len(items) == 1:
        items = split_items(value[len("choice(") : -1])
    if is_text_option(value, annotation):
        value = as_text(value, annotation)
    elif len(items) == 1 or sweep:
        texts = [as_text(item, annotation) for item in items]
        value = value if texts == items else ",".join(texts)
    return f"{match['key']}={value}"


def as_text(value: str, annotation: Any) -> str:
    """Return one value with quotes around what is to be text."""
    item = item_annotation(annotation)
    if item is not None and value.startswith("[") and value.endswith("]"):
        items = split_items(value[1:-1]) if value[1:-1].strip() else []
        return f"[{','.join(as_text(inner, item) for inner in items)}]"
    is_text = wants_text(annotation) or is_text_option(value, annotation)
    if not is_text and "${" not in value:
        return value
    if value.startswith(NETWORK_FOLDER):
        return quoted_text(value)
    try:
        parsed = OverridesParser.create().parse_override(f"key={value}").value()
    except HydraException:
        literal = not _can_interpolate(value)
        return value if literal and not is_text else quoted_text(value, literal)
    return quoted_text(value) if is_text and isinstance(parsed, bool | int | float) else value


def is_text_option(value: str, annotation: Any) -> bool:
    """Return whether a value is one of the texts that a Literal allows."""
    literals = [kind for kind in kinds(annotation) if get_origin(kind) is Literal]
    return any(value in literal.__args__ for literal in literals)


def split_items(text: str) -> list[str]:
    """Split at the commas outside quotes and brackets; where these do not match, nothing is split."""
    items = []
    start = 0
    blank = True  # all of the item so far is
    closing: list[str] = []
    for position, character in enumerate(text):
        if closing and closing[-1] in "'\"":
            if character == closing[-1]:
                closing.pop()
        elif closing and character == closing[-1]:
            closing.pop()
        elif character in PAIRS or (character in "'\"" and blank):
            closing.append(PAIRS.get(character, character))
        if character == "," and not closing:
            items.append(text[start:position])
            start = position + 1
            blank = True
        else:
            blank = blank and character.isspace()
    items.append(text[start:])
    return [text] if closing else [item.strip() for item in items]


def _can_interpolate(value: str) -> bool:
    try:
        parse_interpolations(value)
    except GrammarParseError:
        return False
    return True
