"""Validation of plain values against the signatures of classes, before anything is built.

A class's `__init__` says by annotations what each key may hold; pydantic checks the values, this file words
the errors.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from functools import cache
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen, Predicate
from pydantic import ConfigDict, TypeAdapter, ValidationError

from nnexp.config.errors import Problem
from nnexp.messages import did_you_mean, hydra_override
from nnexp.serving.locate import locate

TARGET = "_target_"
TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    dict: "a mapping {...}",
}
BOUNDS = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}


def validate(
    target: Callable[..., Any], values: dict[str, Any], path: str = "", plugins: tuple[str, ...] = ()
) -> list[Problem]:
    """Validate `values` as keyword arguments of `target`; problems name keys with `path` before them."""
    problems = []
    prefix = f"{path}." if path else ""
    parameters = _parameters(target)
    for key, value in values.items():
        if key not in parameters:
            guess = did_you_mean(f"{prefix}{key}", (f"{prefix}{name}" for name in parameters))
            what = f"no such key; {guess}keys there: {', '.join(parameters)}"
            problems.append(Problem(hydra_override(f"{prefix}{key}", value), what))
        else:
            problems += _validate_value(parameters[key][0], value, f"{prefix}{key}", plugins)
    for key, (_, required) in parameters.items():
        if required and key not in values:
            problems.append(Problem(f"{prefix}{key}", f"missing; fix: {prefix}{key}=VALUE"))
    return problems


@cache
def _parameters(target: Callable[..., Any]) -> dict[str, tuple[Any, bool]]:
    """Return each parameter's annotation, and whether it is required."""
    annotated = target.__init__ if inspect.isclass(target) else target
    hints = get_type_hints(annotated, include_extras=True)
    signature = inspect.signature(target).parameters.values()
    named = (p for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: (hints.get(p.name, Any), p.default is p.empty) for p in named}


def _validate_value(annotation: Any, value: Any, path: str, plugins: tuple[str, ...]) -> list[Problem]:
    if inspect.isclass(annotation) and is_dataclass(annotation) and not inspect.isabstract(annotation):
        if isinstance(value, dict):
            return validate(annotation, value, path, plugins)
        keys = ", ".join(f"{path}.{name}" for name in _parameters(annotation))
        return [Problem(hydra_override(path, value), f"is a section; fix: set its keys, {keys}")]
    if isinstance(value, dict) and TARGET in value:
        return _validate_target(annotation, value, path, plugins)
    if inspect.isabstract(annotation):
        return [Problem(hydra_override(path, value), f"must be {describe(annotation)}")]
    items = [get_args(kind)[0] for kind in _kinds(annotation) if get_origin(kind) is list]
    targets = list(_targets_within(value, path))
    if items and targets and isinstance(value, list):
        nested = [_validate_value(items[0], item, f"{path}.{i}", plugins) for i, item in enumerate(value)]
        return list(chain.from_iterable(nested))
    nested = [_validate_target(Any, inner, inner_path, plugins) for inner_path, inner in targets]
    return list(chain.from_iterable(nested)) or _validate_plain(annotation, value, path)


def _validate_plain(annotation: Any, value: Any, path: str) -> list[Problem]:
    """Validate a value without targets in it."""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError:
        guess = did_you_mean(str(value), _options(annotation))
        return [Problem(hydra_override(path, value), f"{guess}must be {describe(annotation)}")]
    return []


def _validate_target(
    annotation: Any, value: dict[str, Any], path: str, plugins: tuple[str, ...]
) -> list[Problem]:
    where = hydra_override(f"{path}.{TARGET}", value[TARGET])
    if not isinstance(value[TARGET], str):
        return [Problem(where, "must be the dotted name of a class")]
    try:
        target = locate(value[TARGET], plugins)
    except ValueError as error:
        return [Problem(where, str(error))]
    kinds = tuple(kind for kind in _kinds(annotation) if inspect.isclass(kind))
    if kinds and inspect.isclass(target) and not issubclass(target, kinds):
        names = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in kinds)
        return [Problem(where, f"must be a kind of {names}")]
    return validate(target, {key: inner for key, inner in value.items() if key != TARGET}, path, plugins)


def _targets_within(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
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


def _kinds(annotation: Any) -> list[Any]:
    """Return the types that an annotation allows: the members of a union, without their bounds."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _kinds(member)]
    return [annotation]


def _options(annotation: Any) -> list[str]:
    """Return the texts that an annotation allows: a Literal's, or those of a container's Predicate."""
    if get_origin(annotation) in (Union, UnionType):
        return [option for member in get_args(annotation) for option in _options(member)]
    if get_origin(annotation) is Literal:
        return [str(option) for option in get_args(annotation)]
    if get_origin(annotation) is Annotated:
        predicates = [extra for extra in get_args(annotation)[1:] if isinstance(extra, Predicate)]
        return [option for predicate in predicates for option in getattr(predicate.func, "__self__", ())]
    return []


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
    return TypeAdapter(annotation, config=config)


def describe(annotation: Any) -> str:
    """Describe what a value may be: `a number > 0 and < 1`."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        lists = [argument for argument in arguments if get_origin(argument) is list]
        single = " or ".join(describe(argument) for argument in arguments if argument not in lists)
        many = [describe(kind) for kind in lists]
        if lists and describe(get_args(lists[0])[0]) == single:
            many = ["a list [a,b] of such"]
        return " or ".join([single, *many] if single else many)
    if options := _options(annotation):
        return f"one of {', '.join(options)}"
    if origin is Annotated:
        limits = [(BOUNDS[type(m)], m) for m in arguments[1:] if type(m) in BOUNDS]
        bounds = [f"{sign} {getattr(m, attribute)}" for (sign, attribute), m in limits]
        lengths = [f", at least {m.min_length}" for m in arguments[1:] if isinstance(m, MinLen)]
        length = "".join(lengths) if get_origin(arguments[0]) is list else ""
        return f"{describe(arguments[0])} {' and '.join(bounds)}".strip() + length
    if origin is list:
        return f"a list like [a,b] of items that are each {describe(arguments[0])}"
    section = f"a section with a {TARGET} of kind {getattr(annotation, '__name__', annotation)}"
    return TYPE_NAMES.get(origin or annotation, section)
