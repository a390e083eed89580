from itertools import count

import numpy as np
import pytest
from fixtures.components import components
from fixtures.options import make

from nnexp.nn.parameters import Parameters
from nnexp.training.lr_range_test import LRCurve, losses, lr_range_test
from nnexp.training.optimizer_step import OptimizerStep


class Quadratic:
    """Network, loss and batches: curvature theta^2 / 2, on which SGD converges for lr < 2 / curvature."""

    def __init__(self, curvature=1.0):
        self.curvature = curvature
        self.parameters = Parameters({"theta": (1,)}, np.float64)
        self.theta, self.grad, self.state = self.parameters.theta, self.parameters.grad, self.parameters.state
        self.theta[:] = 1

    def __len__(self):
        return 1

    def __iter__(self):
        yield np.zeros((1, 1)), np.zeros(1)

    def forward(self, x, y=None, training=False):
        with np.errstate(over="ignore"):
            return float(self.curvature * self.theta[0] ** 2 / 2)

    def backward(self, dy=None):
        self.grad[:] = self.curvature * self.theta

    def losses_are(self, values):
        self.forward = lambda x, y=None, training=False: 0.0 if y is None else next(values)


def curve_of(quadratic, low=1e-6, high=1e4, steps=300):
    step = OptimizerStep(quadratic, make("optimizer", "sgd"))
    return lr_range_test(quadratic, quadratic, step, quadratic, low, high, steps)


def test_learning_rates_grow_by_a_constant_factor_from_low_to_high():
    curve = curve_of(Quadratic(), 1e-4, 1.0, 120)
    assert (len(curve.lr), curve.diverged) == (120, False)
    np.testing.assert_allclose(curve.lr[[0, -1]], [1e-4, 1.0])
    np.testing.assert_allclose(curve.lr[1:] / curve.lr[:-1], 10 ** (4 / 119))


def test_every_step_is_made_with_its_learning_rate():
    quadratic, rates = Quadratic(), [0.1, 0.5, 0.25]
    step = OptimizerStep(quadratic, make("optimizer", "sgd"))
    thetas = [1.0, 0.9, 0.9 * 0.5]
    expected = [(lr, pytest.approx(theta**2 / 2)) for lr, theta in zip(rates, thetas, strict=True)]
    assert list(losses(quadratic, quadratic, step, quadratic, rates)) == expected


def test_divergence_ends_the_test():
    curve = curve_of(Quadratic(curvature=10.0))
    assert curve.diverged
    assert curve.falls
    assert curve.lr[curve.lowest] < curve.lr[-1] < 1e4
    assert curve.suggestion < 2 / 10 < curve.lr[-1]


@pytest.mark.parametrize("curvature", [0.1, 1.0, 10.0, 100.0])
def test_the_suggestion_is_inversely_proportional_to_the_curvature(curvature):
    reference = curve_of(Quadratic()).suggestion
    assert curve_of(Quadratic(curvature)).suggestion == pytest.approx(reference / curvature, rel=0.2)


@pytest.mark.parametrize(("values", "kept"), [([1.0, 0.9, 0.8, np.nan, 0.7], 3), ([np.inf], 0)])
def test_a_loss_that_is_not_finite_ends_the_test_and_is_not_kept(values, kept):
    quadratic = Quadratic()
    quadratic.losses_are(iter(values))
    curve = curve_of(quadratic)
    assert curve.loss.tolist() == values[:kept]
    assert curve.diverged


def test_the_smoothed_loss_is_a_weighted_mean_of_the_losses_so_far():
    quadratic = Quadratic()
    quadratic.losses_are(1 / i for i in count(1))
    curve = curve_of(quadratic, steps=150)
    b = np.exp(-1 / 10)
    for t in (1, 2, 50, 150):
        expected = np.average(curve.loss[:t], weights=b ** np.arange(t)[::-1])
        assert curve.smoothed[t - 1] == pytest.approx(expected)


def falling(smoothed, loss=None):
    lr, smoothed = np.geomspace(1e-4, 1, len(smoothed)), np.array(smoothed)
    return LRCurve(lr, smoothed if loss is None else loss, smoothed, memory=10, diverged=False)


def test_the_bounds_are_a_tenth_and_nine_tenths_of_the_fall():
    curve = falling([2.0] * 20 + list(np.linspace(2, 1, 101)) + [1.0] * 30 + [3.0] * 10)
    assert curve.bounds == (pytest.approx(curve.lr[30]), pytest.approx(curve.lr[110]))
    assert curve.suggestion == curve.bounds[1]
    assert not curve.still_falls
    assert falling([2.0] * 50 + list(np.linspace(2, 1, 50))).still_falls


def test_noise_is_no_fall():
    noise = np.random.default_rng(0).normal(2, 0.3, 200)
    assert not falling(np.full(200, 1.9), noise).falls
    assert not falling(np.full(200, 2.0)).falls
    assert falling(np.linspace(2, 1, 200), noise).falls


def test_the_first_loss_is_that_of_a_run_and_a_step_takes_as_many_batches():
    overrides = ["optimizer=sgd", "schedule=constant", "trainer.accumulate=3", "trainer.batch_size=50"]
    made, again = components(*overrides), components(*overrides)
    loss = again.trainer.loss
    step = OptimizerStep(made.network, make("optimizer", "sgd"), accumulate=3)
    (first,) = losses(made.network, made.trainer.loss, step, made.train, [1e-6])
    expected = []
    for (x, y), _ in zip(again.train, range(3), strict=False):
        expected.append(loss.forward(again.network.forward(x, training=True), y))
    assert first == (1e-6, pytest.approx(np.mean(expected), rel=1e-6))
    assert step.steps_taken == 1
