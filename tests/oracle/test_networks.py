"""Whole models, penalties, clipping and bounds against PyTorch: ten steps in float64, to 1e-10.

A new model needs a row in MODELS; an option without a row fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.options import options

from nnexp.nn.initializers import He
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.normalization import BatchNorm2d
from nnexp.nn.losses.classification import SoftmaxCrossEntropy
from nnexp.nn.models.convolutional import CNN, LeNet5
from nnexp.nn.models.model import MLP, Deep, MaxoutMLP, ResidualMLP, Softmax
from nnexp.nn.models.sequential import Sequential
from nnexp.nn.network import Network
from nnexp.optim.optimizers import Momentum
from nnexp.optim.regularization import Regularization
from nnexp.training.optimizer_step import OptimizerStep

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

CLASSES, BATCH, STEPS = 4, 8, 10


def mlp(p, x):
    return torch.tanh(torch.tanh(x @ p["0.W"] + p["0.b"]) @ p["2.W"] + p["2.b"]) @ p["4.W"] + p["4.b"]


def normalized(p, x):
    x = functional.batch_norm(x @ p["0.W"], None, None, p["1.gamma"], p["1.beta"], training=True)
    x = functional.layer_norm(functional.gelu(x) @ p["3.W"] + p["3.b"], (5,), p["4.gamma"], p["4.beta"])
    return functional.silu(x) @ p["6.W"] + p["6.b"]


def residual(p, x):
    x = x @ p["0.W"] + p["0.b"]
    inner = functional.layer_norm(x, (6,), p["1.0.gamma"], p["1.0.beta"]) @ p["1.1.W"] + p["1.1.b"]
    x = x + functional.relu(inner) @ p["1.3.W"] + p["1.3.b"]
    return functional.relu(functional.layer_norm(x, (6,), p["2.gamma"], p["2.beta"])) @ p["4.W"] + p["4.b"]


def maxout(p, x):
    return (x @ p["0.W"] + p["0.b"]).unflatten(1, (2, 5)).amax(1) @ p["2.W"] + p["2.b"]


def convolved(p, name, x, padding):
    return functional.conv2d(x, p[f"{name}.W"].permute(3, 0, 1, 2), p.get(f"{name}.b"), padding=padding)


def lenet5(p, x):
    x = x.unflatten(1, (1, 12, 12))
    x = functional.max_pool2d(functional.relu(convolved(p, "1", x, 10)), 2)
    x = functional.max_pool2d(functional.relu(convolved(p, "4", x, 0)), 2).flatten(1)
    for layer in ("8", "10"):
        x = functional.relu(x @ p[f"{layer}.W"] + p[f"{layer}.b"])
    return x @ p["12.W"] + p["12.b"]


def cnn(p, x):
    x = x.unflatten(1, (-1, 12, 12))
    for conv, norm in (("1", "2"), ("5", "6")):
        gamma, beta = p[f"{norm}.gamma"], p[f"{norm}.beta"]
        x = functional.batch_norm(convolved(p, conv, x, 1), None, None, gamma, beta, training=True)
        x = functional.max_pool2d(functional.relu(x), 2)
    return x.mean((2, 3)) @ p["10.W"] + p["10.b"]


def convolved_residual(p, x):
    x = x.unflatten(1, (3, 6, 6))
    y = convolved(p, "1.0", x, 1)
    y = functional.batch_norm(y, None, None, p["1.1.gamma"], p["1.1.beta"], training=True)
    y = convolved(p, "1.3", functional.relu(y), 1) + convolved(p, "1.shortcut.0", x, 0)
    return functional.relu(y).flatten(1) @ p["4.W"] + p["4.b"]


def linear(p, x):
    return x @ p["0.W"] + p["0.b"]


@dataclass(frozen=True)
class Case:
    model: Any
    reference: Callable[..., Any]  # (parameters, x) -> outputs
    shape: tuple[int, ...] = (7,)  # of an example
    oracle: str = "torch: the whole model, ten steps of SGD with momentum"  # for the README


MODELS = {
    "softmax": Case(Softmax(), linear),
    "mlp": Case(MLP([6, 5], "tanh"), mlp),
    "deep": Case(Deep(2, 6, "tanh"), mlp, oracle="as mlp, whose depth it sets"),
    "residual": Case(ResidualMLP(6, 1), residual),
    "maxout": Case(MaxoutMLP([5], 2, 0.0, 0.0), maxout),
    "lenet5": Case(LeNet5(), lenet5, (12, 12)),
    "cnn": Case(CNN([3, 4]), cnn, (12, 12)),
    "sequential": Case(
        Sequential([Dense(6)]),
        lambda p, x: linear(p, x) @ p["2.W"] + p["2.b"],
        oracle="as its layers; drawn at random against finite differences",
    ),
}
ORACLES = {name: case.oracle for name, case in MODELS.items()}
RESIDUAL = Residual([Conv2d(4, 3, padding=1), BatchNorm2d(), "relu", Conv2d(4, 3, padding=1)], [Conv2d(4, 1)])
COLOUR = {
    "cnn": Case(CNN([3, 4]), cnn, (3, 12, 12)),
    "residual": Case(ResidualMLP(6, 1), residual, (3, 4, 4)),
    "residual of convolutions": Case(Sequential([RESIDUAL, "relu"]), convolved_residual, (3, 6, 6)),
}
NORMALIZED = Case(MLP([6, 5], ["gelu", "silu"], ["batch", "layer"]), normalized)
ALONE = {"l1": 0.01, "l2": 0.1, "clip_norm": 0.1, "clip_value": 0.01, "max_norm": 0.5}
RULES = {name: Regularization(**{name: value}) for name, value in ALONE.items()}
RULES |= {"none": Regularization(), "all": Regularization(0.001, 0.01, 0.7, 0.3, 0.05)}
RULE_ORACLES = {
    "l1, l2": "torch autograd; weight_decay",
    "clip_value, clip_norm": "torch clip_grad_value_; the quotient of norms",
    "max_norm": "torch renorm (to 1e-6: it adds 1e-7)",
    "accumulate": "torch on the sum of the batches",
}


class Twins:
    """The same network here and as named tensors in PyTorch."""

    def __init__(self, case):
        self.inputs, self.reference = int(np.prod(case.shape)), case.reference
        self.ours = Network(case.model.layers(case.shape, CLASSES), (self.inputs,), BATCH, np.float64)
        self.ours.initialize(He(), np.random.default_rng(0))
        values = self.ours.parameters.values
        self.p = {name: torch.tensor(value.copy(), requires_grad=True) for name, value in values.items()}
        self.loss = SoftmaxCrossEntropy()
        self.loss.allocate(BATCH, CLASSES, np.float64)
        self.rng = np.random.default_rng(1)

    def learn(self, n=BATCH, add=False):
        """Forward and backward in both; returns both losses."""
        x, y = self.rng.standard_normal((n, self.inputs)), self.rng.integers(0, CLASSES, n)
        loss = self.loss.forward(self.ours.forward(x.copy(), training=True), y)
        self.ours.backward(self.loss.backward())
        for tensor in self.p.values():
            tensor.grad = tensor.grad if add else None
        z, reduction = self.reference(self.p, torch.from_numpy(x)), "sum" if add else "mean"
        other = functional.cross_entropy(z, torch.from_numpy(y), reduction=reduction)
        other.backward()
        return loss, other.item()

    def compare(self, compare):
        for name, tensor in self.p.items():
            compare(self.ours.parameters.values[name], tensor.detach())


def test_every_model_has_a_row():
    assert sorted(MODELS) == options("model")


@pytest.mark.parametrize(
    "case",
    [*MODELS.values(), NORMALIZED, *COLOUR.values()],
    ids=[*MODELS, "mlp, normalized", *(f"{name}, colour" for name in COLOUR)],
)
def test_ten_steps_agree_with_pytorch(case, compare):
    twins = Twins(case)
    update = OptimizerStep(twins.ours, Momentum(lr=0.05))
    other = torch.optim.SGD(twins.p.values(), lr=0.05, momentum=0.9)
    for _ in range(STEPS):
        compare(*twins.learn())
        for key, tensor in twins.p.items():
            compare(twins.ours.parameters.grads[key], tensor.grad)
        update(BATCH)
        other.step()
    twins.compare(compare)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("case", [NORMALIZED, MODELS["cnn"]], ids=["mlp, normalized", "cnn"])
def test_penalties_clipping_and_bounds_agree_with_pytorch(case, rules, compare):
    twins = Twins(case)
    update = OptimizerStep(twins.ours, Momentum(lr=0.05), regularization=rules)
    other = torch.optim.SGD(twins.p.values(), lr=0.05, momentum=0.9)
    matrices = [tensor for tensor in twins.p.values() if tensor.ndim >= 2]
    for _ in range(STEPS):
        twins.learn()
        update(BATCH)
        with torch.no_grad():
            for W in matrices:
                W.grad += rules.l1 * W.sign() + rules.l2 * W
        if rules.clip_value:
            torch.nn.utils.clip_grad_value_(twins.p.values(), rules.clip_value)
        if rules.clip_norm:
            grads = torch.cat([tensor.grad.flatten() for tensor in twins.p.values()])
            length = torch.linalg.vector_norm(grads)
            for tensor in twins.p.values():  # clip_grad_norm_ adds 1e-6 to the length
                tensor.grad *= min(1, rules.clip_norm / length)
        other.step()
        if rules.max_norm:
            with torch.no_grad():
                for W in matrices:
                    W.copy_(torch.renorm(W.movedim(-1, 0), 2, 0, rules.max_norm).movedim(0, -1))
    tolerance = 1e-6 if rules.max_norm else 1e-10  # renorm adds 1e-7 to the length
    for key, tensor in twins.p.items():
        compare(twins.ours.parameters.values[key], tensor.detach(), tolerance)


def test_accumulated_batches_make_the_gradient_of_one_large_batch(compare):
    twins = Twins(MODELS["mlp"])
    update = OptimizerStep(twins.ours, Momentum(lr=0.05), accumulate=3)
    other = torch.optim.SGD(twins.p.values(), lr=0.05, momentum=0.9)
    for sizes in ((8, 8, 8), (8, 5, 3), (4, 2)):
        other.zero_grad()
        for n in sizes:
            twins.learn(n, add=True)
            update(n)
        if len(sizes) < 3:
            assert update.flush() is not None
            assert update.flush() is None
        for tensor in twins.p.values():
            tensor.grad /= sum(sizes)
        other.step()
        twins.compare(compare)
