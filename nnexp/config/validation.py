"""Validation of plain values against the signatures of classes, before anything is built.

A class's `__init__` says by annotations what each key may hold; pydantic checks the values and converts them
to the declared types, so that a value has one form however it was written; this file words the errors.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from nnexp.config.annotations import (
    adapter,
    canonical_function,
    describe,
    item_annotation,
    kinds,
    options,
    wants_text,
)
from nnexp.config.errors import Problem
from nnexp.config.spelling import read_text, spelling_advice
from nnexp.config.yaml.node import Origin
from nnexp.messages import did_you_mean, hydra_override, merged_list_override
from nnexp.serving.locate import NEVER_PLUGINS, locate

TARGET = "_target_"
Values = dict[str, Any]
PLAIN = bool | int | float | str | None


@dataclass
class Validator:
    """Validates values, collects all problems, and returns the values in their canonical form."""

    plugins: tuple[str, ...] = ()  # packages besides nnexp that a target may come from
    origins: Mapping[str, Origin] = field(default_factory=dict)  # of values from YAML files, by dotted key
    choices: Mapping[str, str] = field(default_factory=dict)  # the option of each config group
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: str, where: str, what: str) -> None:
        """Add a problem of the value at a dotted key."""
        origin = self.origin(path)
        self.problems.append(Problem(where, what, f"{origin}" if origin else ""))

    def origin(self, path: str) -> Origin | None:
        """Return the file and line of a value, or of the first one inside it."""
        inside = (self.origins[key] for key in self.origins if key.startswith(f"{path}."))
        return self.origins.get(path) or next(inside, None)

    def section(self, target: Callable[..., Any], values: Values, path: str = "") -> Values:
        """Validate `values` as keyword arguments of `target`; problems name keys with `path` before them."""
        prefix = f"{path}." if path else ""
        parameters = parameters_of(target)
        canonical = {}
        for key, value in values.items():
            if key in parameters:
                canonical[key] = self.value(parameters[key][0], value, f"{prefix}{key}")
                continue
            what = f"no such key; {self.key_advice(path, key, tuple(parameters))}"
            if not path and isinstance(value, dict) and value and value.keys() <= parameters.keys():
                what = "no such section; fix: begin the YAML file with the line # @package _global_"
            self.report(f"{prefix}{key}", hydra_override(f"{prefix}{key}", value), what)
        for key, (_, default) in parameters.items():
            if default is inspect.Parameter.empty and key not in values:
                self.problems.append(Problem(f"{prefix}{key}", f"missing; fix: {prefix}{key}=VALUE"))
        return {key: canonical[key] for key in parameters if key in canonical} if path else canonical

    def key_advice(self, path: str, key: str, known: tuple[str, ...]) -> str:
        """Return the key that was meant, or how to leave out what a file sets, and the keys that exist."""
        prefix = f"{path}." if path else ""
        guess = did_you_mean(f"{prefix}{key}", (f"{prefix}{name}" for name in known))
        names = ", ".join(known) or "none"
        if guess or path not in self.choices or not self.origin(f"{prefix}{key}"):
            return f"{guess}keys there: {names}"
        return f"keys of {path}={self.choices[path]}: {names}; fix: '~{prefix}{key}'"

    def value(self, annotation: Any, value: Any, path: str) -> Any:
        """Validate one value, which may be a section or hold sections."""
        if inspect.isclass(annotation) and is_dataclass(annotation) and not inspect.isabstract(annotation):
            if isinstance(value, dict):
                return self.section(annotation, value, path)
            keys = ", ".join(f"{path}.{name}" for name in parameters_of(annotation))
            self.report(path, hydra_override(path, value), f"is a section; fix: set its keys, {keys}")
            return value
        if isinstance(value, dict) and TARGET in value:
            return self.target(annotation, value, path)
        if inspect.isabstract(annotation):
            where = hydra_override(path, value)
            what = f"must be {describe(annotation)}"
            if isinstance(value, dict):
                where = f"{path}={self.choices.get(path)}"
                what = f"its file must set _target_, a class of kind {annotation.__name__}"
            self.report(path, where, what)
            return value
        targets = list(_targets_within(value, path))
        item = item_annotation(annotation)
        if isinstance(value, dict) and get_origin(annotation) is dict:
            item = get_args(annotation)[1]
        elif not targets or not isinstance(value, list):
            item = None
        if item is not None:
            return self.items(item, value, path)
        before = len(self.problems)
        for inner_path, inner in targets:
            self.target(Any, inner, inner_path)
        return value if len(self.problems) > before else self.plain(annotation, value, path)

    def items(self, annotation: Any, values: list[Any] | Values, path: str) -> Any:
        """Validate the items of a list, or the values of a mapping, that hold sections."""
        if isinstance(values, dict):
            return {key: self.value(annotation, inner, f"{path}.{key}") for key, inner in values.items()}
        return [self.value(annotation, inner, f"{path}.{i}") for i, inner in enumerate(values)]

    def plain(self, annotation: Any, value: Any, path: str) -> Any:
        """Validate a value without targets in it, and convert it to the declared type."""
        value = self.as_declared(annotation, value, path)
        if "${" in str(value):
            what = "must not hold ${ after interpolations are resolved"
            self.report(path, hydra_override(path, value), what)
            return value
        try:
            valid = adapter(annotation).validate_json(json.dumps(value))
            return canonical_function(annotation)(_plain(adapter(annotation).dump_python(valid, mode="json")))
        except (ValidationError, TypeError):
            guess = did_you_mean(str(value), options(annotation))
            what = f"{guess}must be {describe(annotation)}{spelling_advice(annotation, value, path)}"
            self.report(path, hydra_override(path, value), what)
            return value

    def as_declared(self, annotation: Any, value: Any, path: str) -> Any:
        """Return what was written where the setting is text, and what a text stands for where it is none."""
        item = item_annotation(annotation)
        if item is not None and isinstance(value, list):
            return [self.as_declared(item, inner, f"{path}.{i}") for i, inner in enumerate(value)]
        origin = self.origins.get(path)
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, str):
            return read_text(annotation, value)
        if not isinstance(value, int | float) or not wants_text(annotation):
            return value
        if origin is not None and origin.text:
            return origin.text
        return value if isinstance(value, bool) else str(value)

    def target(self, annotation: Any, value: Values, path: str) -> Values:
        """Validate a section that is to be built: its class, then its keys."""
        where = hydra_override(f"{path}.{TARGET}", value[TARGET])
        key = f"{path}.{TARGET}"
        if not isinstance(value[TARGET], str):
            self.report(key, where, "must be the dotted name of a class")
            return value
        try:
            target = locate(value[TARGET], self.plugins)
        except ValueError as error:
            package = value[TARGET].partition(".")[0]
            is_listed = package in (*NEVER_PLUGINS, "nnexp", *self.plugins)
            remedy = "" if is_listed else f"; fix: {merged_list_override('plugins', self.plugins, [package])}"
            self.report(key, where, f"{error}{remedy}")
            return value
        classes = tuple(kind for kind in kinds(annotation) if inspect.isclass(kind) and kind is not Any)
        if classes and inspect.isclass(target) and not issubclass(target, classes):
            names = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in classes)
            self.report(key, where, f"must be a kind of {names}")
            return value
        keys = {key: inner for key, inner in value.items() if key != TARGET}
        return {TARGET: value[TARGET], **self.section(target, keys, path)}

    def with_defaults(self, annotation: Any, section: Any) -> Any:
        """Add the parameters that a valid section leaves to their defaults, where these are plain values."""
        if not isinstance(section, dict) or not (TARGET in section or is_dataclass(annotation)):
            return section
        target = locate(section[TARGET], self.plugins) if TARGET in section else annotation
        parameters = parameters_of(target)
        complete = {
            key: value for key, (_, value) in parameters.items() if isinstance(value, PLAIN)
        } | section
        return {key: complete[key] for key in (TARGET, *parameters) if key in complete}


@cache
def parameters_of(target: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """Return each parameter's annotation and default; `inspect.Parameter.empty` where it is required."""
    annotated = target.__init__ if inspect.isclass(target) else target
    hints = get_type_hints(annotated, include_extras=True)
    signature = inspect.signature(target).parameters.values()
    named = (p for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: (hints.get(p.name, Any), p.default) for p in named}


def _plain(value: Any) -> Any:
    """Replace -0.0 by 0.0, which it equals."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return 0.0 if isinstance(value, float) and value == 0 else value


def _targets_within(value: Any, path: str) -> Iterator[tuple[str, Values]]:
    """Yield every dictionary with a target inside a plain value: what Hydra would build there."""
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, item in inner:
        if isinstance(item, dict) and TARGET in item:
            yield f"{path}.{key}", item
        else:
            yield from _targets_within(item, f"{path}.{key}")


def has_parameter(config: DictConfig, key: str) -> bool:
    """Return whether the class of the key's section has such a parameter; the section may leave it out."""
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(config, parent) if parent else None
    if not isinstance(section, DictConfig) or not isinstance(section.get(TARGET), str):
        return False
    try:
        return name in parameters_of(locate(section[TARGET], tuple(config.plugins)))
    except ValueError:  # is reported where the section is validated
        return False
