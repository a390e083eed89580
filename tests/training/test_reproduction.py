import math

import numpy as np
import pytest

from nnexp.training.reproduction import Trace, compare, relative


def traced(losses, weights=(1.0, 2.0), **results):
    epochs = {step: {"val/loss": loss, "lr": 0.1, "time/epoch": float(np.random.default_rng().random())} for step, loss in losses.items()}
    return Trace(epochs, results, {"weights/best.npz 0.W": np.array(weights, np.float32)})


def test_equal_bits_are_identical_whatever_the_clock_said():
    found = compare(traced({1: 0.5, 2: math.nan}, best=0.9), traced({1: 0.5, 2: math.nan}, best=0.9))
    assert (found.verdict, found.first, found.largest, found.count) == ("identical", None, None, 0)
    assert (found.evaluations, found.metrics, found.results, found.arrays) == (2, 2, 1, 1)


@pytest.mark.parametrize(("factor", "verdict"), [(1 + 1e-7, "same to 1e-6"), (1 + 1e-5, "different"), (math.inf, "different")])
def test_the_first_epoch_that_differs_and_the_largest_difference_are_named(factor, verdict):
    found = compare(traced({1: 0.5, 2: 0.25, 3: 0.125}), traced({1: 0.5, 2: 0.25 * (1 + 1e-8), 3: 0.125 * factor}))
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


def test_zero_and_nothing_finite_have_a_relative_difference():
    assert relative(0.0, -0.0) == relative(math.nan, math.nan) == relative(math.inf, math.inf) == 0
    assert relative(0.0, 1e-300) == 1
    assert relative(math.nan, 1.0) == relative(math.inf, 1.0) == relative(math.inf, -math.inf) == math.inf
