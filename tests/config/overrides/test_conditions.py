"""Conditions of a search's dimensions: where they exist, and which jobs a search is examined by."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from nnexp.config.overrides.checked_override import CheckedOverride
from nnexp.config.overrides.conditions import SearchGrid, drawing_order, exists, invalid_conditions
from nnexp.config.overrides.sweeper import values_of

OPTIMIZER = "optimizer=sgd,momentum,nesterov"
MOMENTUM = 'optimizer.momentum=tag("optimizer=momentum,nesterov", choice(0.5, 0.9))'


def checked(*texts):
    parsed = OverridesParser.create().parse_overrides(list(texts))
    return [CheckedOverride(one, values_of(one, True)) for one in parsed]


def test_the_jobs_of_a_search_have_a_dimension_only_where_it_exists():
    grid = SearchGrid.of(checked(MOMENTUM, OPTIMIZER))
    assert list(grid) == [
        ("optimizer=sgd",),
        ("optimizer.momentum=0.5", "optimizer=momentum"),
        ("optimizer.momentum=0.9", "optimizer=momentum"),
        ("optimizer.momentum=0.5", "optimizer=momentum"),
        ("optimizer.momentum=0.5", "optimizer=nesterov"),
    ]
    assert grid.count == len(list(grid))


def test_a_dimension_without_condition_is_in_every_job():
    grid = SearchGrid.of(checked(OPTIMIZER, "optimizer.lr=0.1,0.2"))
    assert all(any(text.startswith("optimizer.lr") for text in job) for job in grid)
    assert grid.count == len(list(grid)) == 4


def test_conditions_follow_each_other():
    third = 'c=tag("b=2", choice(5, 6))'
    grid = SearchGrid.of(checked(third, 'b=tag("a=y", choice(1, 2))', "a=x,y"))
    assert ("c=6", "b=2", "a=y") in list(grid)
    assert next(iter(grid)) == ("a=x",)
    assert drawing_order(["c", "b", "a"], grid.conditions) == ["a", "b", "c"]


def test_all_conditions_must_hold():
    both = [frozenset({"a=1"}), frozenset({"b=1", "b=2"})]
    assert exists(both, {"a=1", "b=2"})
    assert not exists(both, {"a=1", "b=3"})
    assert exists([], set())


def test_a_condition_about_a_key_with_one_value_is_constant():
    (job,) = list(
        SearchGrid.of(checked(MOMENTUM.replace("choice(0.5, 0.9)", "choice(0.5)"), "optimizer=momentum"))
    )[:1]
    assert job == ("optimizer.momentum=0.5", "optimizer=momentum")


def test_a_key_with_one_other_value_leaves_dimensions_out():
    texts = [MOMENTUM, 'c=tag("optimizer.momentum=0.5", choice(1, 2))', "optimizer=adam", "d=1,2"]
    grid = SearchGrid.of(checked(*texts))
    assert list(grid) == [("optimizer=adam", "d=1"), ("optimizer=adam", "d=2")]
    assert grid.swept == {"d"}
    assert not list(invalid_conditions(checked(*texts)))


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ([MOMENTUM, "optimizer=sgd,adam"], "is never met; values of optimizer: sgd, adam"),
        ([MOMENTUM, "loss=hinge"], "is about no key that is set; keys: loss"),
        ([MOMENTUM.replace("optimizer=momentum,nesterov", "optimizer="), OPTIMIZER], "cannot be parsed"),
        (['a=tag("b=1", choice(1, 2))', 'b=tag("a=1", choice(1, 2))'], "depend on each other in a circle"),
    ],
)
def test_a_condition_that_no_trial_can_meet_is_a_problem(texts, problem):
    problems = [one.what for one in invalid_conditions(checked(*texts))]
    assert len(problems) == 1
    assert problem in problems[0]
