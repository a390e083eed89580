"""Schemas of pydantic's core for the annotations of settings that are numbers, text, lists and choices.

pydantic itself makes the same from the annotations, but takes 40 ms to begin with, a tenth of the start.
"""

from inspect import isabstract
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen, Predicate
from pydantic_core import CoreConfig, SchemaSerializer, SchemaValidator, core_schema

from nnexp.data.canonical import Canonical

CONFIG = CoreConfig(strict=True, allow_inf_nan=False)
SIMPLE: dict[Any, Any] = {
    int: core_schema.int_schema,
    float: core_schema.float_schema,
    str: core_schema.str_schema,
    bool: core_schema.bool_schema,
}
BOUNDS: dict[type, str] = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt", MinLen: "min_length"}


class ValueAdapter:
    """Validates values by a schema, as a TypeAdapter does."""

    def __init__(self, schema: core_schema.CoreSchema) -> None:
        validator = SchemaValidator(schema, CONFIG)
        self.validate_json = validator.validate_json
        self.validate_python = validator.validate_python
        self.dump_python = SchemaSerializer(schema, CONFIG).to_python


def schema_of(annotation: Any, **bounds: Any) -> core_schema.CoreSchema | None:
    """Return the schema of an annotation; None: it is for pydantic itself."""
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if annotation in SIMPLE:
        return SIMPLE[annotation](**bounds)  # type: ignore[no-any-return]
    if origin is Literal:
        return core_schema.literal_schema(list(arguments))
    if origin is list:
        items = schema_of(arguments[0])
        return None if items is None else core_schema.list_schema(items, **bounds)
    if origin in (Union, UnionType):
        return union_schema(arguments)
    if origin is Annotated:
        return annotated_schema(*arguments)
    return core_schema.is_instance_schema(annotation) if isabstract(annotation) else None


def union_schema(members: tuple[Any, ...]) -> core_schema.CoreSchema | None:
    """Return the schema of a union."""
    schemas = [schema_of(member) for member in members if member is not NoneType]
    known = [schema for schema in schemas if schema is not None]
    if len(known) < len(schemas):
        return None
    schema = known[0] if len(known) == 1 else core_schema.union_schema(known)
    return core_schema.nullable_schema(schema) if NoneType in members else schema


def annotated_schema(annotation: Any, *metadata: Any) -> core_schema.CoreSchema | None:
    """Return the schema of a type with bounds, and with a condition."""
    bounds = {BOUNDS[type(one)]: getattr(one, BOUNDS[type(one)]) for one in metadata if type(one) in BOUNDS}
    predicates = [one for one in metadata if isinstance(one, Predicate)]
    others = [
        one for one in metadata if type(one) not in BOUNDS and not isinstance(one, Predicate | Canonical)
    ]
    if others or (bounds and get_origin(annotation) is not list and annotation not in SIMPLE):
        return None
    schema = schema_of(annotation, **bounds)
    for predicate in predicates if schema is not None else ():
        schema = core_schema.no_info_after_validator_function(_condition(predicate), schema)
    return schema


def _condition(predicate: Predicate) -> Any:
    def check(value: Any) -> Any:
        if not predicate.func(value):
            raise ValueError("the condition is not met")
        return value

    return check
