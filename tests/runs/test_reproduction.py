import math

import numpy as np
import pytest

from nnexp.runs.reproduction import Trace, compare, relative


def traced(losses, weights=(1.0, 2.0), **results):
    epochs = {
        step: {"val/loss": loss, "lr": 0.1, "time/epoch": float(np.random.default_rng().random())}
        for step, loss in losses.items()
    }
    return Trace(epochs, results, {"weights/best.npz 0.W": np.array(weights, np.float32)})


def test_equal_bits_are_identical_whatever_the_clock_said():
    found = compare(traced({1: 0.5, 2: math.nan}, best=0.9), traced({1: 0.5, 2: math.nan}, best=0.9))
    assert (found.verdict, found.first, found.largest, found.count) == ("identical", None, None, 0)
    assert (found.evaluations, found.metrics, found.results, found.arrays) == (2, 2, 1, 1)


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1 + 1e-7, "same to 1e-6"), (1 + 1e-5, "different"), (math.inf, "different")]
)
def test_the_first_epoch_that_differs_and_the_largest_difference_are_named(factor, verdict):
    found = compare(
        traced({1: 0.5, 2: 0.25, 3: 0.125}), traced({1: 0.5, 2: 0.25 * (1 + 1e-8), 3: 0.125 * factor})
    )
    assert found.verdict == verdict
    assert (found.first.name, found.first.step, found.first.recorded) == ("val/loss", 2, 0.25)
    assert (found.largest.name, found.largest.step, found.largest.recorded) == ("val/loss", 3, 0.125)
    assert found.count == 2


def test_an_epoch_that_one_of_them_never_came_to_is_a_difference():
    found = compare(traced({1: 0.5, 2: 0.25}), traced({1: 0.5}))
    assert found.verdict == "different"
    assert (found.first.step, found.first.recorded, found.first.found) == (2, 0.25, "none")


def test_a_metric_that_only_one_of_them_has_is_left_out():
    assert compare(traced({1: 0.5}, best=0.9), traced({1: 0.5}, test=0.8)).verdict == "identical"


def test_weights_are_compared_by_their_bits_and_measured_by_their_largest():
    found = compare(traced({1: 0.5}, (1e-12, 4.0)), traced({1: 0.5}, (3e-12, 4.0)))
    assert (found.verdict, found.first) == ("same to 1e-6", None)
    assert found.largest.name == "weights/best.npz 0.W[0]"
    assert found.largest.size == pytest.approx(5e-13)
    assert compare(traced({1: 0.5}, (1.0, 4.0)), traced({1: 0.5}, (1.0, math.nan))).verdict == "different"
    other = compare(traced({1: 0.5}, (1.0, 4.0)), traced({1: 0.5}, (1.0, 4.0, 5.0)))
    assert (other.verdict, other.largest.recorded, other.largest.found) == ("different", "(2,)", "(3,)")


def epochs(**values):
    return Trace(
        {
            step + 1: {name.replace("__", "/"): column[step] for name, column in values.items()}
            for step in range(2)
        },
        {},
        {},
    )


@pytest.mark.parametrize(
    ("recorded", "found", "verdict"),
    [
        (
            {"activation_mean__a": [1.0, 1e-3], "activation_std__a": [1, 1]},
            {"activation_mean__a": [1.0, 1.0005e-3]},
            "same to 1e-6",
        ),
        (
            {"activation_mean__a": [1.0, 1e-3], "activation_std__a": [1, 1e-3]},
            {"activation_mean__a": [1.0, 1.0005e-3]},
            "different",
        ),
        ({"activation_mean__a": [1.0, 1e-3]}, {"activation_mean__a": [1.0, 1.0005e-3]}, "different"),
        ({"val__r2": [0.5, 1e-8]}, {"val__r2": [0.5, -1e-8]}, "same to 1e-6"),
        ({"recall__a": [0.5, 0.0]}, {"recall__a": [0.5, 1e-3]}, "different"),
        ({"train__loss": [2.0, 1e-5]}, {"train__loss": [2.0, 1.1e-5]}, "same to 1e-6"),
        ({"train__loss": [1e-5, 2.0]}, {"train__loss": [1.1e-5, 2.0]}, "different"),
        ({"grad__norm": [2.0, math.inf]}, {"grad__norm": [2.1, math.inf]}, "different"),
        ({"lr": [1.0, 1e-5]}, {"lr": [1.0, 1.1e-5]}, "different"),
    ],
    ids=str,
)
def test_a_number_near_zero_is_measured_by_what_it_was_made_of(recorded, found, verdict):
    assert compare(epochs(**recorded), epochs(**recorded | found)).verdict == verdict


def test_a_loss_at_the_end_is_measured_by_the_first_one_and_a_share_by_one():
    recorded = {"best/val_loss": 1e-6, "test/loss": 1e-6, "test/accuracy": 1e-6}
    assert (
        compare(
            traced({1: 2.0}, **recorded), traced({1: 2.0}, **{n: v * 1.1 for n, v in recorded.items()})
        ).verdict
        == "same to 1e-6"
    )
    assert (
        compare(traced({1: 2.0}, **{"best/epoch": 3}), traced({1: 2.0}, **{"best/epoch": 4})).verdict
        == "different"
    )


def test_the_telling_difference_is_the_loss_of_the_first_epoch_that_differs_beyond_rounding():
    losses = {1: 0.5, 2: 0.25, 3: 0.125}
    found = compare(traced(losses, (1.0, 2.0)), traced({1: 0.5 * (1 + 1e-9), 2: 0.26, 3: 0.25}, (-9.0, 2.0)))
    assert (found.telling.name, found.telling.step) == ("val/loss", 2)
    assert (found.first.step, found.largest.name) == (1, "weights/best.npz 0.W[0]")
    assert compare(traced(losses, best=1.0), traced(losses, (-9.0, 2.0), best=2.0)).telling.name == "best"
    assert compare(traced(losses), traced({**losses, 3: 0.125 * (1 + 1e-9)})).telling is None


def test_zero_and_nothing_finite_have_a_relative_difference():
    assert relative(0.0, -0.0) == relative(math.nan, math.nan) == relative(math.inf, math.inf) == 0
    assert relative(0.0, 1e-300) == 1
    assert relative(math.nan, 1.0) == relative(math.inf, 1.0) == relative(math.inf, -math.inf) == math.inf
