"""Annotations of settings: the types that they allow, their description, and how a value is converted."""

from collections.abc import Callable
from functools import cache
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen, Predicate
from pydantic import ConfigDict, TypeAdapter

from nnexp.data.canonical import Canonical

TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    NoneType: "null",
    dict: "a mapping {...}",
}
BOUNDS = {Gt: (">", "gt"), Ge: (">=", "ge"), Lt: ("<", "lt"), Le: ("<=", "le")}


def kinds(annotation: Any) -> list[Any]:
    """Return the types that an annotation allows: the members of a union, without their bounds."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in kinds(member)]
    return [annotation]


def item_annotation(annotation: Any) -> Any:
    """Return the annotation of the items of the list that an annotation allows; None if it allows none."""
    return next((get_args(kind)[0] for kind in kinds(annotation) if get_origin(kind) is list), None)


def wants_text(annotation: Any) -> bool:
    """Return whether an annotation allows text and neither numbers nor true and false."""
    allowed = kinds(annotation)
    return str in allowed and not {int, float, bool} & {kind for kind in allowed if isinstance(kind, type)}


def options(annotation: Any) -> list[str]:
    """Return the texts that an annotation allows: a Literal's, or those of a container's Predicate."""
    if get_origin(annotation) in (Union, UnionType):
        return [option for member in get_args(annotation) for option in options(member)]
    if get_origin(annotation) is Literal:
        return [str(option) for option in get_args(annotation)]
    if get_origin(annotation) is Annotated:
        predicates = [extra for extra in get_args(annotation)[1:] if isinstance(extra, Predicate)]
        return [option for predicate in predicates for option in getattr(predicate.func, "__self__", ())]
    return []


@cache
def adapter(annotation: Any) -> TypeAdapter[Any]:
    """Return what validates a value of the annotation, and converts it to the declared type."""
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
    return TypeAdapter(annotation, config=config)


def canonical_function(annotation: Any) -> Callable[[Any], Any]:
    """Return the function that maps valid values of the annotation to their canonical spelling."""
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if get_origin(member) is Annotated]
        functions = [canonical_function(member) for member in members]
        return lambda value: value if value is None or not functions else functions[0](value)
    if get_origin(annotation) is Annotated:
        for extra in get_args(annotation)[1:]:
            if isinstance(extra, Canonical):
                return extra.function
    return lambda value: value


def describe(annotation: Any) -> str:
    """Describe what a value may be: `a number > 0 and < 1`."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        lists = [argument for argument in arguments if item_annotation(argument) is not None]
        single = " or ".join(describe(argument) for argument in arguments if argument not in lists)
        many = [describe(kind) for kind in lists]
        if lists and describe(item_annotation(lists[0])) == single:
            many = ["a list [a,b] of such"]
        return " or ".join([single, *many] if single else many)
    if texts := options(annotation):
        shown = [text if any(map(str.isalnum, text)) else repr(text) for text in texts]
        return f"one of {', '.join(shown)}" if len(shown) > 1 else shown[0]
    if origin is Annotated:
        limits = [(BOUNDS[type(m)], m) for m in arguments[1:] if type(m) in BOUNDS]
        bounds = [f"{sign} {getattr(m, attribute)}" for (sign, attribute), m in limits]
        lengths = [_describe_length(arguments[0], m) for m in arguments[1:] if isinstance(m, MinLen)]
        return "".join(chain([f"{describe(arguments[0])} {' and '.join(bounds)}".strip()], lengths))
    if origin is list:
        return f"a list like [a,b] of items that are each {describe(arguments[0])}"
    section = f"a section with a _target_ of kind {getattr(annotation, '__name__', annotation)}"
    return TYPE_NAMES.get(origin or annotation, section)


def _describe_length(annotation: Any, length: MinLen) -> str:
    if get_origin(annotation) is list:
        return f", at least {length.min_length}"
    return " that is not empty" if annotation is str else ""
