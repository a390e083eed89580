from itertools import count

import numpy as np
import pytest

from nnexp.config import build, compose
from nnexp.experiment.components import build_components
from nnexp.nn.parameters import Parameters
from nnexp.training.lr_range_test import Curve, losses, range_test
from nnexp.training.optimizer_step import OptimizerStep


class Valley:
    """Stands in for network, loss and batches: f(theta) = curvature theta^2 / 2, on which SGD converges where lr < 2 / curvature."""

    def __init__(self, curvature=1.0, theta=1.0):
        self.curvature = curvature
        self.parameters = Parameters({"theta": (1,)}, np.float64)
        self.theta, self.grad, self.state = self.parameters.theta, self.parameters.grad, self.parameters.state
        self.theta[:] = theta

    def __len__(self):
        return 1

    def __iter__(self):
        yield np.zeros((1, 1)), np.zeros(1)

    def forward(self, x, y=None, training=False):
        with np.errstate(over="ignore"):
            return float(self.curvature * self.theta[0] ** 2 / 2)

    def backward(self, dy=None):
        self.grad[:] = self.curvature * self.theta


def sgd():
    return build(compose(["optimizer=sgd"])).optimizer


def curve_of(valley, low=1e-6, high=1e4, steps=300):
    return range_test(valley, valley, OptimizerStep(valley, sgd()), valley, low, high, steps)


def test_learning_rates_grow_by_the_same_factor_from_low_to_high():
    curve = curve_of(Valley(), 1e-4, 1.0, 120)
    assert (len(curve.lr), curve.diverged) == (120, False)
    np.testing.assert_allclose(curve.lr[[0, -1]], [1e-4, 1.0])
    np.testing.assert_allclose(curve.lr[1:] / curve.lr[:-1], 10 ** (4 / 119))


def test_every_step_is_made_with_its_learning_rate():
    valley, rates = Valley(), [0.1, 0.5, 0.25]
    found = list(losses(valley, valley, OptimizerStep(valley, sgd()), valley, rates))
    thetas = [1.0, 0.9, 0.9 * 0.5]
    assert found == [(lr, pytest.approx(theta**2 / 2)) for lr, theta in zip(rates, thetas, strict=True)]


def test_it_ends_soon_after_the_loss_leaves_the_numbers_of_its_valley():
    curve = curve_of(Valley(curvature=10.0))
    assert curve.diverged
    assert curve.falls
    assert curve.lr[curve.lowest] < curve.lr[-1] < 1e4
    assert curve.suggestion < 2 / 10 < curve.lr[-1]


@pytest.mark.parametrize("curvature", [0.1, 1.0, 10.0, 100.0])
def test_a_valley_ten_times_as_steep_takes_a_tenth_of_the_learning_rate(curvature):
    reference = curve_of(Valley(1.0)).suggestion
    assert curve_of(Valley(curvature)).suggestion == pytest.approx(reference / curvature, rel=0.2)


def test_a_loss_that_is_no_number_ends_the_test_and_is_not_among_the_losses():
    valley = Valley()
    values = (value for value in [1.0, 0.9, 0.8, np.nan, 0.7])
    valley.forward = lambda x, y=None, training=False: next(values) if y is not None else 0.0
    curve = curve_of(valley)
    assert curve.loss.tolist() == [1.0, 0.9, 0.8]
    assert curve.diverged
    valley.forward = lambda x, y=None, training=False: np.inf
    assert len(curve_of(valley).lr) == 0


def test_the_smoothed_loss_is_a_weighted_mean_of_the_losses_so_far():
    valley, ticks = Valley(), count(1)
    valley.forward = lambda x, y=None, training=False: 0.0 if y is None else 1 / next(ticks)
    curve = curve_of(valley, steps=150)
    b = np.exp(-1 / 10)
    for t in (1, 2, 50, 150):
        assert curve.smoothed[t - 1] == pytest.approx(
            np.average(curve.loss[:t], weights=b ** np.arange(t)[::-1])
        )


def fell(smoothed, loss=None):
    lr = np.geomspace(1e-4, 1, len(smoothed))
    return Curve(
        lr, np.array(smoothed if loss is None else loss), np.array(smoothed), memory=10, diverged=False
    )


def test_the_bounds_are_where_a_tenth_and_nine_tenths_of_the_fall_are_done():
    curve = fell([2.0] * 20 + list(np.linspace(2, 1, 101)) + [1.0] * 30 + [3.0] * 10)
    assert curve.bounds == (pytest.approx(curve.lr[30]), pytest.approx(curve.lr[110]))
    assert curve.suggestion == curve.bounds[1]
    assert not curve.still_falls


def test_a_fall_that_goes_on_at_the_end_is_told():
    assert fell([2.0] * 50 + list(np.linspace(2, 1, 50))).still_falls


def test_noise_is_no_fall():
    noise = np.random.default_rng(0).normal(2, 0.3, 200)
    assert not fell(np.full(200, 1.9), noise).falls
    assert not fell(np.full(200, 2.0)).falls
    assert fell(np.linspace(2, 1, 200), noise).falls


def test_the_first_loss_is_that_of_a_run_and_a_step_takes_as_many_batches():
    overrides = [
        "data=digits",
        "optimizer=sgd",
        "optimizer.lr=1e-6",
        "schedule=constant",
        "trainer.accumulate=3",
        "trainer.batch_size=50",
    ]
    settings = build(compose(overrides))
    parts = build_components(settings)
    update = OptimizerStep(parts.network, settings.optimizer, accumulate=3)
    (first,) = losses(parts.network, settings.loss, update, parts.train, [1e-6])
    again = build_components(build(compose(overrides)))
    expected = []
    for (x, y), _ in zip(again.train, range(3), strict=False):
        expected.append(again.trainer.loss.forward(again.network.forward(x, training=True), y))
    assert first == (1e-6, pytest.approx(np.mean(expected), rel=1e-6))
    assert update.steps_taken == 1
