"""Schemas that are built without pydantic accept, convert and reject the same values as pydantic's."""

import json
import math
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, Predicate
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import ValidationError

from nnexp.config.value_schema import ValueAdapter, schema_of
from nnexp.data.canonical import Canonical
from nnexp.nn.activations.activation import Activation
from nnexp.nn.models.model import MLP

Rate = Annotated[float, Ge(0), Lt(1)]
Name = Annotated[str, Predicate({"a", "b", "1"}.__contains__)]
ANNOTATIONS = [
    int,
    float,
    str,
    bool,
    Annotated[int, Ge(1)],
    Annotated[int, Ge(0), Le(10)],
    Annotated[float, Gt(0)] | None,
    Rate,
    Rate | list[Rate],
    Annotated[str, MinLen(1)],
    Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
    Literal["a", "b"],
    Literal["a", "b"] | None,
    Literal[-1] | Annotated[int, Ge(1)] | None,
    Annotated[float, Gt(0)] | Literal["a"],
    Annotated[list[float], MinLen(2)] | Literal["a"] | None,
    int | str,
    float | int | bool | None,
    str | list[str] | None,
    Annotated[str | None, Canonical(lambda value: value)],
    Name | Activation | list[Name | Activation],
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.floats(-1, 2)
    | st.floats(allow_nan=True)
    | st.sampled_from(["", "a", "b", "1", "1.5", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


def outcome(adapter, value):
    try:
        valid = adapter.validate_json(json.dumps(value))
        from_python = adapter.validate_python(value)
    except ValidationError:
        return "rejected"
    dumped = adapter.dump_python(valid, mode="json")
    assert repr(from_python) == repr(valid)
    return repr(dumped), type(dumped)


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=range(len(ANNOTATIONS)))
@settings(max_examples=40)
@given(value=VALUES)
def test_it_validates_as_pydantic_does(annotation, value):
    schema = schema_of(annotation)
    assert schema is not None
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, allow_inf_nan=False)
    assert outcome(ValueAdapter(schema), value) == outcome(TypeAdapter(annotation, config=config), value)


@pytest.mark.parametrize(
    "annotation",
    [dict[str, int], Annotated[int, Interval(gt=1)], list[dict[str, int]], tuple[int, int], math.ceil, MLP],
    ids=str,
)
def test_what_it_does_not_know_is_left_to_pydantic(annotation):
    assert schema_of(annotation) is None
