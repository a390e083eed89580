"""Names and values of objectives, and the fronts that points are on."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnexp.metrics.objectives import front_numbers, objective_value, objectives_of, values_of

METRICS = {"best/val_accuracy": 0.9, "parameters": 610.0}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        *((None, ()), ("null", ()), ([], ())),
        ("time/total", ("time/total",)),
        (["best/val_r2"], ("best/val_r2",)),
        (["best/val_r2", "parameters"], ("best/val_r2", "parameters")),
        ('["best/val_r2", "parameters"]', ("best/val_r2", "parameters")),
    ],
)
def test_one_objective_or_several_are_read_from_settings_and_from_params(value, names):
    assert objectives_of(value) == names


@pytest.mark.parametrize(
    ("names", "value"),
    [
        ([], None),
        (["parameters"], 610.0),
        (["time/total"], None),
        ([*METRICS], (0.9, 610.0)),
        ([*METRICS, "time/total"], None),
    ],
)
def test_a_run_returns_a_number_for_one_objective_and_several_for_several(names, value):
    assert objective_value(names, METRICS) == value


@pytest.mark.parametrize(
    ("value", "values"),
    [(None, ()), (0.5, (0.5,)), ((0.5, 2.0), (0.5, 2.0)), (nan, ()), ((0.5, inf), ()), ((nan, 1.0), ())],
)
def test_values_that_are_not_all_finite_are_none(value, values):
    assert values_of(value) == values


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
def test_a_front_is_what_no_other_point_dominates_once_the_fronts_before_it_are_gone(points):
    def dominates(a, b):
        return a != b and all(x >= y for x, y in zip(a, b, strict=True))

    numbers = front_numbers(points)
    assert len(numbers) == len(points)
    for point, number in zip(points, numbers, strict=True):
        left = [other for other, n in zip(points, numbers, strict=True) if n >= number]
        assert not any(dominates(other, point) for other in left)
        before = [other for other, n in zip(points, numbers, strict=True) if n == number - 1]
        assert number == 1 or any(dominates(other, point) for other in before)
