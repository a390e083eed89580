import math

import numpy as np
import pytest

from nnexp.runs.reproduction import Trace, compare, relative


def trace(losses, weights=(1.0, 2.0), **results):
    rng = np.random.default_rng()
    epochs = {step: {"val/loss": x, "lr": 0.1, "time/epoch": rng.random()} for step, x in losses.items()}
    return Trace(epochs, results, {"weights/best.npz 0.W": np.array(weights, np.float32)})


def test_equal_bits_are_identical_whatever_the_times():
    losses = {1: 0.5, 2: math.nan}
    comparison = compare(trace(losses, best=0.9), trace(losses, best=0.9))
    assert (comparison.outcome, comparison.first, comparison.largest) == ("identical", None, None)
    assert comparison.compared == {"evaluations": 2, "metrics": 2, "results": 1, "arrays": 1}


@pytest.mark.parametrize(
    ("factor", "outcome", "first_step"),
    [(1 + 1e-7, "same to 1e-6", 2), (1 + 1e-5, "different", 3), (math.inf, "different", 3)],
)
def test_the_first_epoch_that_differs_and_the_largest_difference_are_named(factor, outcome, first_step):
    repeated = {1: 0.5, 2: 0.25 * (1 + 1e-8), 3: 0.125 * factor}
    comparison = compare(trace({1: 0.5, 2: 0.25, 3: 0.125}), trace(repeated, (1.0, 2.0 + 1e-6)))
    assert comparison.outcome == outcome
    assert (comparison.first.name, comparison.first.step) == ("val/loss", first_step)
    assert comparison.first.recorded == {2: 0.25, 3: 0.125}[first_step]
    if outcome == "different":
        assert (comparison.largest.name, comparison.largest.step) == ("val/loss", 3)


def test_an_evaluation_that_only_one_has_is_a_difference():
    comparison = compare(trace({1: 0.5, 2: 0.25}), trace({1: 0.5}))
    assert comparison.outcome == "different"
    first = comparison.first
    assert (first.step, first.recorded, first.repeated) == (2, 0.25, "none")


def test_a_metric_that_only_one_has_is_left_out():
    assert compare(trace({1: 0.5}, best=0.9), trace({1: 0.5}, test=0.8)).outcome == "identical"


def test_weights_are_compared_bit_by_bit_relative_to_the_largest():
    comparison = compare(trace({1: 0.5}, (1e-12, 4.0)), trace({1: 0.5}, (3e-12, 4.0)))
    assert comparison.outcome == "same to 1e-6"
    assert comparison.first.name == comparison.largest.name == "weights/best.npz 0.W[0]"
    assert comparison.largest.size == pytest.approx(5e-13)
    assert compare(trace({1: 0.5}, (1.0, 4.0)), trace({1: 0.5}, (1.0, math.nan))).outcome == "different"
    shapes = compare(trace({1: 0.5}, (1.0, 4.0)), trace({1: 0.5}, (1.0, 4.0, 5.0)))
    largest = shapes.largest
    assert (shapes.outcome, largest.recorded, largest.repeated) == ("different", "(2,)", "(3,)")


def epochs(**values):
    names = {name.replace("__", "/"): column for name, column in values.items()}
    rows = {step + 1: {name: column[step] for name, column in names.items()} for step in range(2)}
    return Trace(rows, {}, {})


MEAN = {"activation_mean__a": [1.0, 1e-3]}
NEAR = {"activation_mean__a": [1.0, 1.0005e-3]}


@pytest.mark.parametrize(
    ("recorded", "repeated", "outcome"),
    [
        (MEAN | {"activation_std__a": [1, 1]}, NEAR, "same to 1e-6"),
        (MEAN | {"activation_std__a": [1, 1e-3]}, NEAR, "different"),
        (MEAN, NEAR, "different"),
        ({"val__r2": [0.5, 1e-8]}, {"val__r2": [0.5, -1e-8]}, "same to 1e-6"),
        ({"recall__a": [0.5, 0.0]}, {"recall__a": [0.5, 1e-3]}, "different"),
        ({"train__loss": [2.0, 1e-5]}, {"train__loss": [2.0, 1.1e-5]}, "same to 1e-6"),
        ({"train__loss": [1e-5, 2.0]}, {"train__loss": [1.1e-5, 2.0]}, "different"),
        ({"grad__norm": [2.0, math.inf]}, {"grad__norm": [2.1, math.inf]}, "different"),
        ({"lr": [1.0, 1e-5]}, {"lr": [1.0, 1.1e-5]}, "different"),
    ],
    ids=str,
)
def test_a_difference_is_relative_to_the_scale_of_the_metric(recorded, repeated, outcome):
    assert compare(epochs(**recorded), epochs(**recorded | repeated)).outcome == outcome


def test_a_final_loss_is_relative_to_the_first_one_and_a_share_to_one():
    recorded = {"best/val_loss": 1e-6, "test/loss": 1e-6, "test/accuracy": 1e-6}
    repeated = {name: value * 1.1 for name, value in recorded.items()}
    assert compare(trace({1: 2.0}, **recorded), trace({1: 2.0}, **repeated)).outcome == "same to 1e-6"
    later = trace({1: 2.0}, **{"best/epoch": 4})
    assert compare(trace({1: 2.0}, **{"best/epoch": 3}), later).outcome == "different"


def test_the_relative_difference_of_zeros_and_non_finite_numbers_is_defined():
    assert relative(0.0, -0.0) == relative(math.nan, math.nan) == relative(math.inf, math.inf) == 0
    assert relative(0.0, 1e-300) == 1
    assert relative(math.nan, 1.0) == relative(math.inf, 1.0) == relative(math.inf, -math.inf) == math.inf
