"""Binds values to signatures before anything is built, and tells every mistake.

A class's `__init__` says by annotations what each key may hold; pydantic judges the value, this file words the verdict.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError

from nnexp.config.errors import Problem, did_you_mean, typed
from nnexp.serving.locate import locate

TARGET = "_target_"
IN_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "null"}


def check(
    target: Callable[..., Any], values: dict[str, Any], path: str = "", plugins: tuple[str, ...] = ()
) -> list[Problem]:
    """The mistakes in `values` as keyword arguments of `target`; keys are told with `path` before them."""
    problems = []
    at = f"{path}." if path else ""
    parameters = _parameters(target)
    for key, value in values.items():
        if key not in parameters:
            guess = did_you_mean(f"{at}{key}", (f"{at}{name}" for name in parameters))
            problems.append(
                Problem(
                    typed(f"{at}{key}", value), f"no such key; {guess}known here: {', '.join(parameters)}"
                )
            )
        else:
            problems += _check_value(parameters[key][0], value, f"{at}{key}", plugins)
    for key, (_, required) in parameters.items():
        if required and key not in values:
            problems.append(Problem(f"{at}{key}", f"missing: give {at}{key} a value"))
    return problems


@cache
def _parameters(target: Callable[..., Any]) -> dict[str, tuple[Any, bool]]:
    """Each parameter's annotation, and whether it must be given."""
    hints = get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)
    signature = inspect.signature(target).parameters.values()
    named = (p for p in signature if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: (hints.get(p.name, Any), p.default is p.empty) for p in named}


def _check_value(annotation: Any, value: Any, path: str, plugins: tuple[str, ...]) -> list[Problem]:
    if inspect.isclass(annotation) and is_dataclass(annotation) and not inspect.isabstract(annotation):
        if isinstance(value, dict):
            return check(annotation, value, path, plugins)
        keys = ", ".join(f"{path}.{name}" for name in _parameters(annotation))
        return [Problem(typed(path, value), f"is a section: set its keys, {keys}")]
    if isinstance(value, dict) and TARGET in value:
        return _check_target(annotation, value, path, plugins)
    if inspect.isabstract(annotation):
        return [Problem(typed(path, value), f"must be {allowed(annotation)}")]
    items = [get_args(kind)[0] for kind in _kinds(annotation) if get_origin(kind) is list]
    if items and isinstance(value, list) and any(True for _ in _targets_within(value, path)):
        return [
            problem
            for i, item in enumerate(value)
            for problem in _check_value(items[0], item, f"{path}.{i}", plugins)
        ]
    if nested := [
        problem
        for at, inner in _targets_within(value, path)
        for problem in _check_target(Any, inner, at, plugins)
    ]:
        return nested
    return _check_plain(annotation, value, path)


def _check_plain(annotation: Any, value: Any, path: str) -> list[Problem]:
    """A value without targets in it."""
    try:
        _adapter(annotation).validate_python(value)
    except ValidationError:
        words = [
            str(word) for kind in _kinds(annotation) if get_origin(kind) is Literal for word in get_args(kind)
        ]
        guess = did_you_mean(str(value), words) if words else ""
        return [Problem(typed(path, value), f"{guess}must be {allowed(annotation)}")]
    return []


def _check_target(
    annotation: Any, value: dict[str, Any], path: str, plugins: tuple[str, ...]
) -> list[Problem]:
    where = typed(f"{path}.{TARGET}", value[TARGET])
    if not isinstance(value[TARGET], str):
        return [Problem(where, "must be the dotted name of a class")]
    try:
        target = locate(value[TARGET], plugins)
    except ValueError as error:
        return [Problem(where, str(error))]
    kinds = tuple(kind for kind in _kinds(annotation) if inspect.isclass(kind))
    if kinds and inspect.isclass(target) and not issubclass(target, kinds):
        return [
            Problem(
                where,
                f"must be a kind of {' or '.join(f'{kind.__module__}.{kind.__name__}' for kind in kinds)}",
            )
        ]
    return check(target, {key: inner for key, inner in value.items() if key != TARGET}, path, plugins)


def _targets_within(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary with a target inside a plain value: what Hydra would build there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        if isinstance(item, dict) and TARGET in item:
            yield f"{path}.{key}", item
        else:
            yield from _targets_within(item, f"{path}.{key}")


def _kinds(annotation: Any) -> list[Any]:
    """What an annotation allows, one by one: the members of a union, without their bounds."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _kinds(member)]
    return [annotation]


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(
        annotation, config=ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
    )


def allowed(annotation: Any) -> str:
    """What a value may be, in words: `a number > 0 and < 1`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        signs = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}
        bounds = [
            f"{signs[type(m)][0]} {getattr(m, signs[type(m)][1])}" for m in arguments[1:] if type(m) in signs
        ]
        lengths = [
            f", at least {m.min_length}"
            for m in arguments[1:]
            if isinstance(m, MinLen) and get_origin(arguments[0]) is list
        ]
        return " ".join([allowed(arguments[0]), " and ".join(bounds)]).strip() + "".join(lengths)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (Union, UnionType):
        lists = [argument for argument in arguments if get_origin(argument) is list]
        single = " or ".join(allowed(argument) for argument in arguments if argument not in lists)
        many = [
            "a list [a,b] of such" if allowed(get_args(kind)[0]) == single else allowed(kind)
            for kind in lists
        ]
        return " or ".join([single, *many] if single else many)
    if origin is list:
        return f"a list like [a,b] of items that are each {allowed(arguments[0])}"
    section = f"a section with a {TARGET} of kind {getattr(annotation, '__name__', annotation)}"
    return "a mapping {...}" if origin is dict else IN_WORDS.get(annotation, section)
