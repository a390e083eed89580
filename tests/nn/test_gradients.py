"""Random networks: gradients against finite differences, views of the one buffer, no allocations."""

import tracemalloc

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nnexp import nn
from nnexp.nn.activations.activation import ACTIVATIONS
from nnexp.nn.initializers import Xavier
from nnexp.nn.layers.dropout import StochasticLayer
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.optimizer_step import OptimizerStep

STEP = 1e-6
NAMES = st.sampled_from(sorted(ACTIVATIONS))
VECTOR_LAYERS = [nn.BatchNorm1d, nn.LayerNorm, lambda: nn.Dropout(0.3), lambda: nn.GaussianNoise(0.1)]
VECTOR_KINDS = st.sampled_from(["dense", "maxout", "activation", "residual", "shortcut", *VECTOR_LAYERS])
IMAGE_LAYERS = [nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.Dropout, nn.Residual]


@st.composite
def dense_layers(draw, width, depth):
    """Draw layers on vectors; return them and the width of their outputs."""
    layers = []
    for _ in range(draw(st.integers(0, depth))):
        match draw(VECTOR_KINDS):
            case "dense":
                width = draw(st.integers(2, 6))
                layers.append(nn.Dense(width, bias=draw(st.booleans())))
            case "maxout":
                width = draw(st.integers(2, 6))
                layers += [nn.Dense(2 * width), nn.Maxout(2)]
            case "activation":
                layers.append(draw(NAMES))
            case "residual":
                inner, _ = draw(dense_layers(width, 2))
                layers.append(nn.Residual([*inner, nn.Dense(width), draw(NAMES)]))
            case "shortcut":
                inner, width = draw(dense_layers(width, 2))
                layers.append(nn.Residual([*inner, draw(NAMES)], [nn.Dense(width)]))
            case make:
                layers.append(make())
    return layers, width


@st.composite
def image_layers(draw):
    """Draw layers on images of one to three channels, down to a vector; return them and the inputs' size."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(4, 7), st.integers(4, 7)))
    layers, size = [nn.Unflatten(list(shape))], min(shape[1:])
    for _ in range(draw(st.integers(1, 4))):
        stride, count = draw(st.integers(1, 2)), draw(st.integers(1, 4))
        kind = draw(st.sampled_from([*IMAGE_LAYERS, "activation"]))
        if kind is nn.Conv2d:
            kernel, padding = draw(st.integers(1, min(3, size))), draw(st.integers(0, 1))
            layers.append(nn.Conv2d(count, kernel, stride, padding, bias=draw(st.booleans())))
            size = (size + 2 * padding - kernel) // stride + 1
        elif kind in (nn.MaxPool2d, nn.AvgPool2d) and size >= 2:
            layers.append(kind(2, stride))
            size = (size - 2) // stride + 1
        elif kind is nn.Residual:
            inner = [nn.Conv2d(count, 3, padding=1), nn.BatchNorm2d(), draw(NAMES)]
            layers.append(nn.Residual(inner, [nn.Conv2d(count, 1)]))
        elif kind in (nn.BatchNorm2d, nn.Dropout):
            layers.append(kind())
        elif kind == "activation":
            layers.append(draw(NAMES))
    return [*layers, draw(st.sampled_from([nn.Flatten, nn.GlobalAvgPool2d]))()], int(np.prod(shape))


@st.composite
def networks(draw):
    """Draw a network for three classes and its batch."""
    if draw(st.booleans()):
        layers, inputs = draw(image_layers())
        more, _ = draw(dense_layers(4, 2))
        layers += [nn.Dense(4), *more]
    else:
        inputs = draw(st.integers(1, 6))
        layers, _ = draw(dense_layers(inputs, 5))
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
