"""Activations by name, as a configuration says them."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Literal

from nnexp.nn.activations.activation import (
    ELU,
    SELU,
    Activation,
    HardTanh,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from nnexp.nn.activations.from_input import GELU, Mish, PReLU, SiLU

ActivationName = Literal[
    "identity",
    "relu",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softplus",
    "sigmoid",
    "tanh",
    "hard_tanh",
]
ACTIVATIONS: dict[ActivationName, Callable[[], Activation]] = {
    "identity": Identity,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "prelu": PReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "gelu_tanh": partial(GELU, "tanh"),
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "hard_tanh": HardTanh,
}


def activation(choice: ActivationName | Activation) -> Activation:
    """A fresh activation of that name, or like that one."""
    return deepcopy(choice) if isinstance(choice, Activation) else ACTIVATIONS[choice]()
