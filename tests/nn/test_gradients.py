"""Random networks: gradients against finite differences, views of the one buffer, no allocations."""

import tracemalloc

import numpy as np
from fixtures.random_networks import NAMES, VECTOR_LAYERS, architectures
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.nn.initializers import Xavier
from nnexp.nn.layers.dropout import StochasticLayer
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.optimizer_step import OptimizerStep

STEP = 1e-6


@st.composite
def networks(draw):
    """Draw a network for three classes and its batch."""
    layers, inputs = draw(architectures())
    batch = draw(st.integers(4, 6))
    streams = np.random.default_rng(draw(st.integers(0, 99)))
    network = Network([*layers, nn.Dense(3)], (inputs,), batch, np.float64, streams)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    network.initialize(Xavier(), rng)
    network.theta[:] += 0.1 * rng.standard_normal(network.theta.shape)  # biases too, and off the kinks
    return network, rng.standard_normal((batch, inputs)), rng.integers(0, 3, batch), rng


def freeze_noise(network):
    """Make every draw of noise the same, so that the loss is a function."""
    for layer in network.walk():
        if isinstance(layer, StochasticLayer):
            layer.set_rng(np.random.default_rng(7))


def cross_entropy(capacity, classes, dtype):
    loss = SoftmaxCrossEntropy()
    loss.allocate(capacity, classes, dtype)
    return loss


@settings(deadline=None, max_examples=150)
@given(networks())
def test_gradients_agree_with_finite_differences(drawn):
    network, x, y, rng = drawn
    loss = cross_entropy(len(x), 3, np.float64)

    def value():
        freeze_noise(network)
        return loss.forward(network.forward(x, training=True), y)

    before = x.copy()
    value()
    network.backward(loss.backward())
    assert (x == before).all(), "the caller's examples are left alone"
    gradient = network.grad.copy()
    theta = network.theta.copy()

    def difference(step, direction):
        values = []
        for sign in (1, -1):
            network.theta[:] = theta + sign * step * direction
            values.append(value())
        return (values[0] - values[1]) / (2 * step)

    for _ in range(4):
        direction = rng.standard_normal(theta.shape)
        direction /= np.linalg.norm(direction)
        wide, narrow = difference(STEP, direction), difference(STEP / 3, direction)
        if abs(wide - narrow) < 1e-6 * max(1, abs(wide)):  # else a kink lies between: draw another direction
            assert abs(gradient @ direction - wide) < 1e-6 * max(1, abs(wide))
            event("compared")
            return
    event("a kink in every direction")


@settings(deadline=None, max_examples=50)
@given(networks())
def test_every_view_still_lies_in_the_one_buffer_after_training(drawn):
    network, x, y, _ = drawn
    loss = cross_entropy(len(x), 3, np.float64)
    update = OptimizerStep(network, Adam(lr=0.01))
    for n in (len(x), len(x) - 2, len(x)):
        loss.forward(network.forward(x[:n], training=True), y[:n])
        network.backward(loss.backward())
        update(n)
    for layer in network.walk():
        for name in layer.shapes():
            value, gradient = getattr(layer, name), getattr(layer, f"d{name}")
            assert np.shares_memory(value, network.theta)
            assert np.shares_memory(gradient, network.grad)
    assert sum(view.size for view in network.parameters.values.values()) == len(network.parameters)


@st.composite
def large_networks(draw):
    """Draw layers with outputs of 100 KB or more, whose allocation would show, and the inputs' size."""
    name = draw(NAMES)
    if draw(st.booleans()):
        head = draw(st.sampled_from([*VECTOR_LAYERS, lambda: nn.Maxout(2)]))()
        return [nn.Dense(64), head, name, nn.Residual([nn.Dense(48), name, nn.Dense(64)], [nn.Dense(64)])], 64
    head = nn.Conv2d(4, 3, draw(st.integers(1, 2)), draw(st.integers(0, 1)))
    inner = nn.Residual([nn.Conv2d(3, 3, padding=1), name], [nn.Conv2d(3, 1)])
    pool = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(2)
    return [nn.Unflatten([16, 16]), head, nn.BatchNorm2d(), name, inner, pool, nn.Flatten()], 256


@settings(deadline=None, max_examples=25)
@given(large_networks())
def test_training_allocates_nothing_array_sized(drawn):
    layers, inputs = drawn
    batch, rng = 1024, np.random.default_rng(0)
    network = Network([*layers, nn.Dense(5)], (inputs,), batch)
    network.initialize(Xavier(), rng)
    loss = cross_entropy(batch, 5, np.float32)
    update = OptimizerStep(network, Adam(lr=0.001))
    x, y = rng.standard_normal((batch, inputs), np.float32), rng.integers(0, 5, batch)

    def step():
        loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        update(batch)

    with np.errstate(under="ignore"):
        step()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            step()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak - before < 90_000, f"{peak - before:,} bytes at the most"


def test_the_first_layer_computes_no_gradient_of_its_input():
    network = Network(MLP([3]).layers((4,), 2), (4,), 5)
    assert network.layers[0].dx.flat.size == 0
    assert network.layers[2].dx.flat.size == 5 * 3
