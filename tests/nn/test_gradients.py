"""Networks that hypothesis draws: gradients against central finite differences, views inside the one buffer, nothing allocated."""

import tracemalloc

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nnexp.nn import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool2d,
    LayerNorm,
    Maxout,
    MaxPool2d,
    Residual,
    Unflatten,
)
from nnexp.nn.activations.activation import ACTIVATIONS, make_activation
from nnexp.nn.initializers import Xavier
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.model import MLP
from nnexp.nn.network import Network
from nnexp.optim.adam import Adam
from nnexp.training.optimizer_step import OptimizerStep

STEP = 1e-6
NAMES = sorted(ACTIVATIONS)


@st.composite
def dense_layers(draw, width, depth):
    """Layers on vectors; returns them and the width of their outputs."""
    layers = []
    for _ in range(draw(st.integers(0, depth))):
        kind = draw(
            st.sampled_from(
                ["dense", "activation", "batch", "layer", "dropout", "noise", "maxout", "residual"]
            )
        )
        if kind in ("dense", "maxout"):
            width = draw(st.integers(2, 6))
            layers += (
                [Dense(width, bias=draw(st.booleans()))] if kind == "dense" else [Dense(2 * width), Maxout(2)]
            )
        elif kind == "activation":
            layers.append(make_activation(draw(st.sampled_from(NAMES))))
        elif kind == "residual":
            inner, out = draw(dense_layers(width, 2))
            if draw(st.booleans()):
                layers.append(Residual([*inner, Dense(width), make_activation(draw(st.sampled_from(NAMES)))]))
            else:
                layers.append(Residual([*inner, make_activation(draw(st.sampled_from(NAMES)))], [Dense(out)]))
                width = out
        else:
            made = {
                "batch": BatchNorm1d,
                "layer": LayerNorm,
                "dropout": lambda: Dropout(0.3),
                "noise": lambda: GaussianNoise(0.1),
            }
            layers.append(made[kind]())
    return layers, width


@st.composite
def image_layers(draw):
    """Layers on images of one to three channels, down to a vector; returns them and the numbers of an input."""
    channels, height, width = draw(st.integers(1, 3)), draw(st.integers(4, 7)), draw(st.integers(4, 7))
    layers, numbers, size = (
        [Unflatten([channels, height, width])],
        channels * height * width,
        min(height, width),
    )
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "max", "avg", "batch", "activation", "dropout", "residual"]))
        if kind == "conv":
            kernel, padding = draw(st.integers(1, min(3, size))), draw(st.integers(0, 1))
            stride = draw(st.integers(1, 2))
            layers.append(Conv2d(draw(st.integers(1, 4)), kernel, stride, padding, bias=draw(st.booleans())))
            size = (size + 2 * padding - kernel) // stride + 1
        elif kind in ("max", "avg") and size >= 2:
            stride = draw(st.integers(1, 2))
            layers.append((MaxPool2d if kind == "max" else AvgPool2d)(2, stride))
            size = (size - 2) // stride + 1
        elif kind == "activation":
            layers.append(make_activation(draw(st.sampled_from(NAMES))))
        elif kind == "residual":
            count = draw(st.integers(1, 3))
            inner = [BatchNorm2d(), make_activation(draw(st.sampled_from(NAMES)))]
            layers.append(Residual([Conv2d(count, 3, padding=1), *inner], [Conv2d(count, 1)]))
        elif kind in ("batch", "dropout"):
            layers.append(BatchNorm2d() if kind == "batch" else Dropout(0.2))
    return [*layers, draw(st.sampled_from([Flatten, GlobalAvgPool2d]))()], numbers


@st.composite
def networks(draw):
    """A network for three classes and its batch."""
    if draw(st.booleans()):
        layers, inputs = draw(image_layers())
        more, _ = draw(dense_layers(4, 2))
        layers += [Dense(4), *more]
    else:
        inputs = draw(st.integers(1, 6))
        layers, _ = draw(dense_layers(inputs, 5))
    batch = draw(st.integers(4, 6))
    network = Network(
        [*layers, Dense(3)], (inputs,), batch, np.float64, np.random.default_rng(draw(st.integers(0, 99)))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    network.initialize(Xavier(), rng)
    network.theta[:] += 0.1 * rng.standard_normal(network.theta.shape)  # biases too, and off the kinks
    return network, rng.standard_normal((batch, inputs)), rng.integers(0, 3, batch), rng


def frozen_chance(network):
    """Let every draw of noise be the same, so that the loss is a function."""
    for layer in network.walk():
        if isinstance(layer, Dropout | GaussianNoise):
            layer.set_rng(np.random.default_rng(7))


@settings(deadline=None, max_examples=150)
@given(networks())
def test_gradients_agree_with_finite_differences(drawn):
    network, x, y, rng = drawn
    loss = SoftmaxCrossEntropy()
    loss.allocate(len(x), 3, np.float64)

    def value():
        frozen_chance(network)
        return loss.forward(network.forward(x, training=True), y)

    before = x.copy()
    value()
    network.backward(loss.backward())
    assert (x == before).all(), "the caller's examples are left alone"
    found = network.grad.copy()
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
            assert abs(found @ direction - wide) < 1e-6 * max(1, abs(wide))
            event("compared")
            return
    event("a kink in every direction")


@settings(deadline=None, max_examples=50)
@given(networks())
def test_every_view_lies_in_the_one_buffer_whatever_is_trained(drawn):
    network, x, y, _ = drawn
    loss = SoftmaxCrossEntropy()
    loss.allocate(len(x), 3, np.float64)
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
    """A network whose every activation is large enough to be seen if it were allocated: 100 KB at the least."""
    name = draw(st.sampled_from(NAMES))
    if draw(st.booleans()):
        head = draw(
            st.sampled_from(
                [BatchNorm1d, LayerNorm, lambda: Dropout(0.5), lambda: Maxout(2), lambda: GaussianNoise(1.0)]
            )
        )
        return [
            Dense(64),
            head(),
            make_activation(name),
            Residual([Dense(48), make_activation(name), Dense(64)], [Dense(64)]),
        ], 64
    pool = draw(st.sampled_from([MaxPool2d, AvgPool2d]))
    padding, stride = draw(st.integers(0, 1)), draw(st.integers(1, 2))
    inner = Residual([Conv2d(3, 3, padding=1), make_activation(name)], [Conv2d(3, 1)])
    return [
        Unflatten([16, 16]),
        Conv2d(4, 3, stride, padding),
        BatchNorm2d(),
        make_activation(name),
        inner,
        pool(2),
        Flatten(),
    ], 256


@settings(deadline=None, max_examples=25)
@given(large_networks())
def test_training_allocates_nothing_array_sized(drawn):
    layers, inputs = drawn
    batch, rng = 1024, np.random.default_rng(0)
    network = Network([*layers, Dense(5)], (inputs,), batch)
    network.initialize(Xavier(), rng)
    loss = SoftmaxCrossEntropy()
    loss.allocate(batch, 5, np.float32)
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


def test_the_first_layer_is_spared_the_gradient_of_its_input():
    network = Network(MLP([3]).layers((4,), 2), (4,), 5)
    assert network.layers[0].dx.flat.size == 0
    assert network.layers[2].dx.flat.size == 5 * 3
