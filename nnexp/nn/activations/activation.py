"""The abstract activation function, and the registry of activations by name.

Where definitions or derivatives at a kink differ, PyTorch's is taken. Gains are those of its `calculate_gain`
where that knows the activation; ELU, GELU, SiLU and Mish have the gain of ReLU here, hard tanh that of tanh.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Annotated

import numpy as np
from annotated_types import Predicate
from numpy.typing import DTypeLike

from nnexp.nn.layer import Buffer, Layer
from nnexp.nn.parameters import Array

ACTIVATIONS: dict[str, Callable[[], "Activation"]] = {}
ActivationName = Annotated[str, Predicate(ACTIVATIONS.__contains__)]


class Activation(Layer):
    """y = f(x), element by element; the class argument `name` makes it an option of configurations."""

    gain: float = 1.0

    def __init_subclass__(cls, name: str = "", gain: float | None = None) -> None:
        if name:
            ACTIVATIONS[name] = cls
        if gain is not None:
            cls.gain = gain

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.slopes = Buffer(capacity, self.input_shape, dtype)  # dy/dx
        self.own = Buffer(0 if self.in_place else capacity, self.input_shape, dtype)

    def output(self, x: Array) -> Array:
        """Return where y goes: over x, or into a buffer."""
        return x if self.in_place else self.own(len(x))


ActivationChoice = ActivationName | Activation


def make_activation(choice: ActivationChoice) -> Activation:
    """Make an activation by its name, or a copy of one."""
    return deepcopy(choice) if isinstance(choice, Activation) else ACTIVATIONS[choice]()


def sigmoid(x: Array, out: Array) -> Array:
    """Compute (1 + tanh(x / 2)) / 2 = 1 / (1 + exp(-x)), which cannot overflow so."""
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out
