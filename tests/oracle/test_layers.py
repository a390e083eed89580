"""Every layer: output, gradients and running statistics against PyTorch, in float64 to 1e-10.

A new layer needs a row in CASES; one without a row fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.lone_layers import lone

from nnexp import nn
from nnexp.nn.activations.activation import Activation
from nnexp.nn.layer import Buffer

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

BATCH = 6


def dense(layer, p, x, _):
    return x @ p["0.W"] + p.get("0.b", 0)


def convolution(layer, p, x, _):
    return functional.conv2d(x, p["0.W"].permute(3, 0, 1, 2), p.get("0.b"), layer.stride, layer.padding)


def batch_norm(layer, p, x, training):
    return functional.batch_norm(x, p["mean"], p["var"], p["0.gamma"], p["0.beta"], training, 0.1, 1e-5)


def residual(layer, p, x, _):
    around = x @ p["0.shortcut.0.W"] if layer.shortcut else x
    return around + torch.tanh(x @ p["0.0.W"] + p["0.0.b"]) @ p["0.2.W"] + p["0.2.b"]


@dataclass(frozen=True)
class Case:
    oracle: str  # the name of the reference, for the README
    reference: Callable[..., Any] | None = None  # (layer, parameters and state, x, training) -> y
    variants: tuple[tuple[Any, tuple[int, ...]], ...] = ()  # layers and the shapes of their inputs


UNBIASED = (nn.Dense(4, bias=False), (7,))
TRAINED_STATISTICS = "torch batch_norm, in training and out of it, running statistics"
CASES = {
    "Dense": Case("torch `x @ W + b`, with and without bias", dense, ((nn.Dense(4), (7,)), UNBIASED)),
    "Conv2d": Case(
        "torch conv2d: plain, padding, stride, 1x1",
        convolution,
        (
            (nn.Conv2d(4, 3), (2, 7, 6)),
            (nn.Conv2d(5, 5, padding=2), (1, 8, 8)),
            (nn.Conv2d(3, 3, stride=2, padding=1, bias=False), (3, 8, 7)),
            (nn.Conv2d(3, 1), (4, 5, 5)),
            (nn.Conv2d(6, 3, padding=1), (3, 8, 8)),
        ),
    ),
    "MaxPool2d": Case(
        "torch max_pool2d: apart, overlapping, ties",
        lambda layer, p, x, _: functional.max_pool2d(x, layer.kernel, layer.stride),
        ((nn.MaxPool2d(2), (3, 6, 8)), (nn.MaxPool2d(3, 2), (2, 8, 7))),
    ),
    "AvgPool2d": Case(
        "torch avg_pool2d: apart, overlapping",
        lambda layer, p, x, _: functional.avg_pool2d(x, layer.kernel, layer.stride),
        ((nn.AvgPool2d(2), (3, 6, 7)), (nn.AvgPool2d(3, 1), (2, 5, 6))),
    ),
    "GlobalAvgPool2d": Case(
        "torch mean over pixels", lambda layer, p, x, _: x.mean((2, 3)), ((nn.GlobalAvgPool2d(), (3, 4, 5)),)
    ),
    "BatchNorm1d": Case(TRAINED_STATISTICS, batch_norm, ((nn.BatchNorm1d(), (5,)),)),
    "BatchNorm2d": Case(TRAINED_STATISTICS, batch_norm, ((nn.BatchNorm2d(), (3, 4, 5)),)),
    "LayerNorm": Case(
        "torch layer_norm",
        lambda layer, p, x, _: functional.layer_norm(x, (7,), p["0.gamma"], p["0.beta"]),
        ((nn.LayerNorm(), (7,)),),
    ),
    "Flatten": Case("torch flatten", lambda layer, p, x, _: x.flatten(1), ((nn.Flatten(), (2, 3, 4)),)),
    "Unflatten": Case(
        "torch unflatten",
        lambda layer, p, x, _: x.unflatten(1, (3, 2, 4)),
        ((nn.Unflatten([3, 2, 4]), (24,)),),
    ),
    "Maxout": Case(
        "torch amax over the pieces",
        lambda layer, p, x, _: x.unflatten(1, (3, 4)).amax(1),
        ((nn.Maxout(3), (12,)),),
    ),
    "Stack": Case(
        "torch autograd of its layers",
        lambda layer, p, x, _: torch.tanh(x @ p["0.0.W"] + p["0.0.b"]),
        ((nn.Stack([nn.Dense(4), "tanh"]), (7,)),),
    ),
    "Residual": Case(
        "torch autograd of x + F(x) and S(x) + F(x)",
        residual,
        (
            (nn.Residual([nn.Dense(9), "tanh", nn.Dense(5)]), (5,)),
            (nn.Residual([nn.Dense(9), "tanh", nn.Dense(6)], [nn.Dense(6, bias=False)]), (5,)),
        ),
    ),
    "Dropout": Case("its definition on its own mask; the share that is dropped"),
    "GaussianNoise": Case("its definition on its own draws; their deviation"),
}
ORACLES = {name: case.oracle for name, case in CASES.items()}
VARIANTS = [(name, i) for name, case in CASES.items() for i in range(len(case.variants))]


def test_every_layer_has_a_row():
    layers = {name for name in nn.__all__ if not issubclass(getattr(nn, name), Activation)}
    assert set(CASES) == layers


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "i"), VARIANTS)
def test_layers_agree_with_pytorch(name, i, training, compare):
    reference, (layer, shape) = CASES[name].reference, CASES[name].variants[i]
    stack, parameters = lone(layer, shape, BATCH)
    rng = np.random.default_rng(1)
    state = {key.removeprefix("0."): torch.tensor(value.copy()) for key, value in parameters.states.items()}
    for n in (BATCH, 3, BATCH):  # a smaller batch between two whole ones
        x = rng.standard_normal((n, *shape))
        leaf = torch.tensor(x, requires_grad=True)
        p = {key: torch.tensor(value.copy(), requires_grad=True) for key, value in parameters.values.items()}
        expected = reference(layer, p | state, leaf, training)
        y = stack.forward(x, training)
        compare(y, expected.detach())
        for key, value in parameters.states.items():
            compare(value, state[key.removeprefix("0.")])
        if not training and state:
            continue  # batch normalization has no backward pass outside training
        dy = Buffer(n, y.shape[1:], float)(n)
        dy[...] = rng.standard_normal(y.shape)
        expected.backward(torch.tensor(dy))
        compare(stack.backward(dy), leaf.grad)
        for key, value in parameters.grads.items():
            compare(value, p[key].grad)


def test_the_gradient_of_tied_pixels_goes_to_the_first_as_in_pytorch(compare):
    stack, _ = lone(nn.MaxPool2d(2), (1, 4, 4), BATCH)
    x = np.round(np.random.default_rng(0).random((BATCH, 1, 4, 4)) * 2)
    leaf = torch.tensor(x, requires_grad=True)
    functional.max_pool2d(leaf, 2).sum().backward()
    stack.forward(x)
    compare(stack.backward(np.ones((BATCH, 1, 2, 2))), leaf.grad)


@pytest.mark.parametrize("shape", [(40,), (3, 8, 9)])
def test_dropout_drops_at_its_rate_and_keeps_the_mean(shape, compare):
    stack, _ = lone(nn.Dropout(0.3), shape, 500)
    x = 1 + np.random.default_rng(0).random((500, *shape))
    kept = x.copy()
    y = stack.forward(x, training=True)
    mask = y / kept
    assert set(np.round(np.unique(mask), 12)) == {0, round(1 / 0.7, 12)}
    assert abs((mask == 0).mean() - 0.3) < 4 * np.sqrt(0.21 / mask.size)
    compare(stack.backward(np.ones_like(y)), mask)
    again = stack.forward(kept.copy(), training=True) / kept
    assert (again != mask).any(), "every batch has a new mask"
    compare(stack.forward(kept.copy()), kept)


def test_gaussian_noise_has_its_deviation_and_is_off_outside_training(compare):
    stack, _ = lone(nn.GaussianNoise(0.5), (300,), 500)
    x = np.random.default_rng(0).random((500, 300))
    noise = stack.forward(x.copy(), training=True) - x
    assert abs(noise.std() - 0.5) < 0.005
    assert abs(noise.mean()) < 0.005
    compare(stack.backward(np.ones_like(x)), np.ones_like(x))
    compare(stack.forward(x.copy()), x)
