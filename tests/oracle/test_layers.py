"""Every layer: output, gradients and running statistics against PyTorch, in float64 to 1e-10."""

import numpy as np
import pytest

import nnexp.nn
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
    ReLU,
    Residual,
    Tanh,
    Unflatten,
)
from nnexp.nn.activations.activation import Activation
from nnexp.nn.initializers import He
from nnexp.nn.layer import Buffer
from nnexp.nn.layers.containers import Stack
from nnexp.nn.parameters import Parameters

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

BATCH = 6


def dense(p, x, _):
    return x @ p["0.W"] + p.get("0.b", 0)


def convolution(stride, padding):
    def apply(p, x, _):
        return functional.conv2d(x, p["0.W"].permute(3, 0, 1, 2), p.get("0.b"), stride, padding)

    return apply


def batch_norm(p, x, training):
    return functional.batch_norm(x, p["mean"], p["var"], p["0.gamma"], p["0.beta"], training, 0.1, 1e-5)


def residual(p, x, _):
    return x + torch.tanh(x @ p["0.0.W"] + p["0.0.b"]) @ p["0.2.W"] + p["0.2.b"]


def stack(p, x, _):
    return torch.tanh(x @ p["0.0.W"] + p["0.0.b"])


def projected(p, x, _):
    return torch.relu(x @ p["0.0.W"] + p["0.0.b"]) + x @ p["0.shortcut.0.W"]


CASES = {
    "Dense": (lambda: Dense(4), (7,), dense),
    "Dense without bias": (lambda: Dense(4, bias=False), (7,), dense),
    "Conv2d": (lambda: Conv2d(4, 3), (2, 7, 6), convolution(1, 0)),
    "Conv2d with padding": (lambda: Conv2d(5, 5, padding=2), (1, 8, 8), convolution(1, 2)),
    "Conv2d with stride": (
        lambda: Conv2d(3, 3, stride=2, padding=1, bias=False),
        (3, 8, 7),
        convolution(2, 1),
    ),
    "Conv2d of one pixel": (lambda: Conv2d(3, 1), (4, 5, 5), convolution(1, 0)),
    "MaxPool2d": (lambda: MaxPool2d(2), (3, 6, 8), lambda p, x, _: functional.max_pool2d(x, 2)),
    "MaxPool2d that overlaps": (
        lambda: MaxPool2d(3, 2),
        (2, 8, 7),
        lambda p, x, _: functional.max_pool2d(x, 3, 2),
    ),
    "AvgPool2d": (lambda: AvgPool2d(2), (3, 6, 7), lambda p, x, _: functional.avg_pool2d(x, 2)),
    "AvgPool2d that overlaps": (
        lambda: AvgPool2d(3, 1),
        (2, 5, 6),
        lambda p, x, _: functional.avg_pool2d(x, 3, 1),
    ),
    "GlobalAvgPool2d": (GlobalAvgPool2d, (3, 4, 5), lambda p, x, _: x.mean((2, 3))),
    "BatchNorm1d": (BatchNorm1d, (5,), batch_norm),
    "BatchNorm2d": (BatchNorm2d, (3, 4, 5), batch_norm),
    "LayerNorm": (LayerNorm, (7,), lambda p, x, _: functional.layer_norm(x, (7,), p["0.gamma"], p["0.beta"])),
    "Flatten": (Flatten, (2, 3, 4), lambda p, x, _: x.flatten(1)),
    "Unflatten": (lambda: Unflatten([3, 2, 4]), (24,), lambda p, x, _: x.unflatten(1, (3, 2, 4))),
    "Maxout": (lambda: Maxout(3), (12,), lambda p, x, _: x.unflatten(1, (3, 4)).amax(1)),
    "Residual": (lambda: Residual([Dense(9), Tanh(), Dense(5)]), (5,), residual),
    "Stack": (lambda: Stack([Dense(4), Tanh()]), (7,), stack),
    "Residual with a shortcut": (
        lambda: Residual([Dense(6), ReLU()], [Dense(6, bias=False)]),
        (5,),
        projected,
    ),
}
BY_PROPERTY = {"Dropout": Dropout, "GaussianNoise": GaussianNoise}
ORACLES = {
    "Dense": "torch `x @ W + b`, with and without bias",
    "Conv2d": "torch conv2d: plain, padding, stride, 1x1",
    "MaxPool2d": "torch max_pool2d: apart, overlapping, ties",
    "AvgPool2d": "torch avg_pool2d: apart, overlapping",
    "GlobalAvgPool2d": "torch mean over pixels",
    "BatchNorm1d": "torch batch_norm, in training and out of it, running statistics",
    "BatchNorm2d": "torch batch_norm, in training and out of it, running statistics",
    "LayerNorm": "torch layer_norm",
    "Flatten": "torch flatten",
    "Unflatten": "torch unflatten",
    "Maxout": "torch amax over the pieces",
    "Stack": "torch autograd of its layers",
    "Residual": "torch autograd of x + F(x) and S(x) + F(x)",
    "Dropout": "its definition on its own mask; the share that is dropped",
    "GaussianNoise": "its definition on its own draws; their deviation",
}


def alone(layer, inputs, capacity=BATCH):
    """The layer as a chain that owns its parameters, and these."""
    chain = Stack([layer])
    chain.connect(inputs)
    parameters = Parameters(chain.shapes(), np.float64, chain.state_shapes())
    chain.allocate(capacity, np.float64)
    chain.bind(parameters.values, parameters.grads, parameters.states)
    rng = np.random.default_rng(0)
    chain.initialize(He(), rng)
    parameters.theta += 0.3 * rng.standard_normal(len(parameters))
    return chain, parameters


def test_the_table_here_leaves_nothing_out():
    layers = {name for name in nnexp.nn.__all__ if not issubclass(getattr(nnexp.nn, name), Activation)}
    assert {name.split()[0] for name in CASES} | set(BY_PROPERTY) == layers == set(ORACLES)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_layers_agree_with_pytorch(name, training, compare):
    make, shape, theirs = CASES[name]
    chain, parameters = alone(make(), shape)
    rng = np.random.default_rng(1)
    state = {key.removeprefix("0."): torch.tensor(value.copy()) for key, value in parameters.states.items()}
    for n in (BATCH, 3, BATCH):  # a smaller batch between two whole ones
        x = rng.standard_normal((n, *shape))
        leaf = torch.tensor(x, requires_grad=True)
        weights = {
            key: torch.tensor(value.copy(), requires_grad=True) for key, value in parameters.values.items()
        }
        expected = theirs(weights | state, leaf, training)
        y = chain.forward(x, training)
        compare(y, expected.detach())
        for key, value in parameters.states.items():
            compare(value, state[key.removeprefix("0.")])
        if not training and state:
            continue  # outside training a batch normalisation is not learnt from
        dy = rng.standard_normal(y.shape)
        expected.backward(torch.tensor(dy))
        given = Buffer(n, y.shape[1:], float)(n)
        given[...] = dy
        compare(chain.backward(given), leaf.grad)
        for key, value in parameters.grads.items():
            compare(value, weights[key].grad)


def test_ties_go_to_the_first_pixel_as_in_pytorch(compare):
    chain, _ = alone(MaxPool2d(2), (1, 4, 4))
    x = np.round(np.random.default_rng(0).random((BATCH, 1, 4, 4)) * 2)
    leaf = torch.tensor(x, requires_grad=True)
    functional.max_pool2d(leaf, 2).sum().backward()
    chain.forward(x)
    compare(chain.backward(np.ones((BATCH, 1, 2, 2))), leaf.grad)


@pytest.mark.parametrize("shape", [(40,), (3, 8, 9)])
def test_dropout_drops_its_share_and_keeps_the_mean(shape, compare):
    chain, _ = alone(Dropout(0.3), shape, 500)
    x = 1 + np.random.default_rng(0).random((500, *shape))
    kept = x.copy()
    y = chain.forward(x, training=True)
    mask = y / kept
    assert set(np.round(np.unique(mask), 12)) == {0, round(1 / 0.7, 12)}
    assert abs((mask == 0).mean() - 0.3) < 4 * np.sqrt(0.21 / mask.size)
    compare(chain.backward(np.ones_like(y)), mask)
    again = chain.forward(kept.copy(), training=True) / kept
    assert (again != mask).any(), "every batch is drawn anew"
    compare(chain.forward(kept.copy()), kept)


def test_noise_has_its_deviation_and_is_silent_outside_training(compare):
    chain, _ = alone(GaussianNoise(0.5), (300,), 500)
    x = np.random.default_rng(0).random((500, 300))
    drawn = chain.forward(x.copy(), training=True) - x
    assert abs(drawn.std() - 0.5) < 0.005
    assert abs(drawn.mean()) < 0.005
    compare(chain.backward(np.ones_like(x)), np.ones_like(x))
    compare(chain.forward(x.copy()), x)
