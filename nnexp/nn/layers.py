"""What a layer is, and the dense layer.

B batch, I inputs, O outputs. A layer keeps from `forward` exactly what its `backward` needs; both write into buffers that
`allocate` made once.
"""

from abc import ABC, abstractmethod
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.initializers import Initializer
from nnexp.nn.parameters import Array, Shape


class Layer(ABC):
    """One differentiable step of a network.

    The life of a layer: `connect` (learn the input's shape) -> `allocate` (make the buffers) -> `bind` (receive the views of
    the parameters) -> `initialize` -> any number of `forward`, `backward`.
    """

    needs_dx = True  # the first layer of a network is spared the gradient of its input

    @abstractmethod
    def connect(self, inputs: Shape) -> Shape:
        """Learn the shape of one example and return the shape of one output."""

    def shapes(self) -> dict[str, Shape]:
        """The parameters that the layer wants, by name."""
        return {}

    @abstractmethod
    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        """Receive the views of the parameters and of their gradients."""

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        """Fill the parameters with their first values."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """X (B, ...) -> y (B, ...); may write over x where a layer says so."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """The gradient of the loss in y -> the gradient in x; fills the gradients of the parameters."""


class Dense(Layer):
    """y = x W + b, with W (I, O) and b (O,).

    Args:
        outputs: O, the number of units.
    """

    def __init__(self, outputs: Annotated[int, Ge(1)]) -> None:
        self.outputs = outputs

    def connect(self, inputs: Shape) -> Shape:
        (self.inputs,) = inputs
        return (self.outputs,)

    def shapes(self) -> dict[str, Shape]:
        return {"W": (self.inputs, self.outputs), "b": (self.outputs,)}

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y: Array = np.empty((capacity, self.outputs), dtype)  # (B, O)
        self.ones: Array = np.ones(capacity, dtype)  # (B,)
        self.dx: Array = np.empty((capacity, self.inputs) if self.needs_dx else 0, dtype)  # (B, I)

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b = values["W"], values["b"]
        self.dW, self.db = grads["W"], grads["b"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        init(self.W, fan_in=self.inputs, fan_out=self.outputs, rng=rng)
        self.b.fill(0)

    def forward(self, x: Array) -> Array:
        self.x, y = x, self.y[: len(x)]
        np.matmul(x, self.W, out=y)
        y += self.b
        return y

    def backward(self, dy: Array) -> Array:
        np.matmul(self.x.T, dy, out=self.dW)
        np.matmul(self.ones[: len(dy)], dy, out=self.db)  # sums over the batch, faster than a sum does
        if not self.needs_dx:
            return dy[:0]
        return np.matmul(dy, self.W.T, out=self.dx[: len(dy)])
