"""Every activation and its derivative against PyTorch, in float64 to 1e-10, also on vast inputs.

A new activation needs a row in CASES; one without a row fails.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from fixtures.lone_layers import lone

from nnexp.nn.activations.activation import ACTIVATIONS, make_activation
from nnexp.nn.activations.from_output import LeakyReLU

torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
nn = torch.nn


@dataclass(frozen=True)
class Case:
    """A reference, the arguments of `calculate_gain` if PyTorch knows the gain, a note for the README."""

    reference: Any
    gain: tuple[Any, ...] = ()
    note: str = ""


CASES = {
    "identity": Case(nn.Identity(), ("linear",)),
    "relu": Case(nn.ReLU(), ("relu",)),
    "leaky_relu": Case(nn.LeakyReLU(), ("leaky_relu", 0.01)),
    "prelu": Case(nn.PReLU(dtype=torch.float64)),
    "elu": Case(nn.ELU()),
    "selu": Case(nn.SELU(), ("selu",)),
    "gelu": Case(nn.GELU()),
    "gelu_tanh": Case(nn.GELU("tanh")),
    "silu": Case(nn.SiLU()),
    "mish": Case(nn.Mish()),
    "softplus": Case(nn.Softplus(threshold=1000), note=" without its threshold"),
    "sigmoid": Case(nn.Sigmoid(), ("sigmoid",)),
    "tanh": Case(nn.Tanh(), ("tanh",)),
    "hard_tanh": Case(nn.Hardtanh()),
}
ORACLES = {name: f"torch {type(case.reference).__name__}{case.note}" for name, case in CASES.items()}


def test_every_activation_has_a_row():
    assert set(CASES) == set(ACTIVATIONS)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("shape", [(50,), (3, 4, 5)])
@pytest.mark.parametrize("name", CASES)
def test_activations_agree_with_pytorch(name, shape, in_place, compare):
    reference = CASES[name].reference
    stack, parameters = lone(make_activation(name), shape, 8, in_place=in_place)
    if name == "prelu":
        parameters.theta[:] = reference.weight.item()
    rng = np.random.default_rng(0)
    for n, scale in ((8, 1), (5, 3), (8, 30)):
        x = scale * rng.standard_normal((n, *shape))
        x.flat[:3] = 0, 1, -1  # the kinks
        leaf = torch.tensor(x, requires_grad=True)
        expected = reference(leaf)
        given = x.copy()
        compare(stack.forward(given), expected.detach())
        if not in_place:
            compare(given, x)
        dy = rng.standard_normal(x.shape)
        reference.zero_grad()
        expected.backward(torch.tensor(dy))
        compare(stack.backward(dy), leaf.grad)
        if name == "prelu":
            compare(parameters.grad, reference.weight.grad)


@pytest.mark.parametrize("name", CASES)
def test_vast_inputs_make_finite_outputs(name):
    stack, _ = lone(make_activation(name), (4,), 1, np.float32)
    with np.errstate(under="ignore"):
        y = stack.forward(np.array([[1e4, -1e4, 300, -300]], np.float32))
        assert np.isfinite(y).all()
        assert np.isfinite(stack.backward(np.ones((1, 4), np.float32))).all()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.gain])
def test_gains_are_those_of_calculate_gain(name, compare):
    compare(make_activation(name).gain, nn.init.calculate_gain(*CASES[name].gain))


def test_an_activation_may_have_its_own_parameters(compare):
    stack, _ = lone(make_activation(LeakyReLU(0.2)), (2,), 1)
    compare(stack.forward(np.array([[-2.0, 3.0]])), [[-0.4, 3]])
    compare(stack.backward(np.ones((1, 2))), [[0.2, 1]])
