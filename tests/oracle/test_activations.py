"""Every activation and its derivative against PyTorch, in float64 to 1e-10, also on vast inputs."""

import numpy as np
import pytest

from nnexp.nn.activations.activation import ACTIVATIONS, make_activation
from nnexp.nn.activations.from_output import LeakyReLU
from nnexp.nn.layers.containers import Stack
from nnexp.nn.parameters import Parameters

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
functional = torch.nn.functional

TORCH = {
    "identity": torch.nn.Identity(),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "prelu": torch.nn.PReLU(dtype=torch.float64),
    "elu": torch.nn.ELU(),
    "selu": torch.nn.SELU(),
    "gelu": torch.nn.GELU(),
    "gelu_tanh": torch.nn.GELU("tanh"),
    "silu": torch.nn.SiLU(),
    "mish": torch.nn.Mish(),
    "softplus": torch.nn.Softplus(threshold=1000),  # beyond its threshold PyTorch takes x itself
    "sigmoid": torch.nn.Sigmoid(),
    "tanh": torch.nn.Tanh(),
    "hard_tanh": torch.nn.Hardtanh(),
}
ORACLES = {name: f"torch {type(module).__name__}" for name, module in TORCH.items()} | {
    "softplus": "torch Softplus without its threshold"
}
GAINS = {
    "identity": "linear",
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "selu": "selu",
}


def test_the_table_here_leaves_nothing_out():
    assert set(TORCH) == set(ACTIVATIONS)


@pytest.mark.parametrize("free", [True, False], ids=["over its input", "beside its input"])
@pytest.mark.parametrize("shape", [(50,), (3, 4, 5)])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_agree_with_pytorch(name, shape, free, compare):
    chain = Stack([make_activation(name)])
    chain.in_place = free
    chain.connect(shape)
    parameters = Parameters(chain.shapes(), np.float64)
    chain.allocate(8, np.float64)
    chain.bind(parameters.values, parameters.grads, {})
    chain.initialize(None, None)
    rng = np.random.default_rng(0)
    for n, scale in ((8, 1), (5, 3), (8, 30)):
        x = scale * rng.standard_normal((n, *shape))
        x.flat[:3] = 0, 1, -1  # the kinks
        leaf = torch.tensor(x, requires_grad=True)
        expected = TORCH[name](leaf)
        given = x.copy()
        y = chain.forward(given)
        compare(y, expected.detach())
        if not free:
            compare(given, x)
        dy = rng.standard_normal(x.shape)
        TORCH[name].zero_grad()
        expected.backward(torch.tensor(dy))
        compare(chain.backward(dy), leaf.grad)
        if name == "prelu":
            compare(parameters.grad, TORCH[name].weight.grad)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_vast_inputs_make_finite_outputs(name):
    chain = Stack([make_activation(name)])
    chain.connect((4,))
    parameters = Parameters(chain.shapes(), np.float32)
    chain.allocate(1, np.float32)
    chain.bind(parameters.values, parameters.grads, {})
    chain.initialize(None, None)
    with np.errstate(under="ignore"):
        y = chain.forward(np.array([[1e4, -1e4, 300, -300]], np.float32))
        assert np.isfinite(y).all()
        assert np.isfinite(chain.backward(np.ones((1, 4), np.float32))).all()


@pytest.mark.parametrize(("name", "theirs"), GAINS.items())
def test_gains_are_pytorchs(name, theirs, compare):
    slope = [0.01] if name == "leaky_relu" else []
    compare(make_activation(name).gain, torch.nn.init.calculate_gain(theirs, *slope))


def test_a_slope_of_ones_own(compare):
    x = np.array([[-2.0, 3.0]])
    chain = Stack([make_activation(LeakyReLU(0.2))])
    chain.connect((2,))
    chain.allocate(1, np.float64)
    compare(chain.forward(x), [[-0.4, 3]])
    compare(chain.backward(np.ones((1, 2))), [[0.2, 1]])
