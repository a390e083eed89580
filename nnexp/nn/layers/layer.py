"""What a layer is, and the dense layer.

B batch, I inputs, O outputs. A layer keeps from `forward` exactly what its `backward` needs; both write into buffers that
`allocate` made once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod
from typing import Annotated, Literal, TypeVar

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.parameters import Array, Shape, Views

Units = Annotated[int, Ge(1)]
Scalar = TypeVar("Scalar", bound=np.generic)


class ShapeError(ValueError):
    """A layer that cannot take what the layer before it gives."""


class Layer(ABC):
    """One differentiable step of a network.

    The life of a layer: `connect` (learn the input's shape) -> `allocate` (make the buffers) -> `bind` (receive the views of
    the parameters) -> `initialize` -> any number of `forward`, `backward`.
    """

    needs_dx = True  # the first layer with weights is spared the gradient of its input
    in_place = False  # whether `forward` may write over its input; told by whoever puts layers in a row
    keeps_output = False  # `backward` reads what `forward` returned, so the next layer must not write over it
    takes: Literal["any", "vectors", "images"] = "any"
    gain_behind = 1.0  # what the activation behind asks of the weights' scale; told likewise

    @abstractmethod
    def connect(self, inputs: Shape) -> Shape:
        """Learn the shape of one example and return the shape of one output; a `ShapeError` says what is wrong."""

    def shapes(self) -> dict[str, Shape]:
        """The parameters that the layer wants, by name; matrices are (..., outputs)."""
        return {}

    def state_shapes(self) -> dict[str, Shape]:
        """What the layer wants to keep beside its parameters, by name."""
        return {}

    @abstractmethod
    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        """Receive the views of the parameters, of their gradients and of the state."""

    def listen(self, noise: np.random.Generator) -> None:
        """Receive the stream that chance is drawn from."""

    def walk(self) -> Iterator["Layer"]:
        """This layer and all within it, in the order of the forward pass."""
        yield self

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        """Fill the parameters and the state with their first values."""

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """X (B, ...) -> y (B, ...); writes over x only if `in_place`."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """The gradient of the loss in y -> the gradient in x; fills the gradients of the parameters, may write over dy."""


class Weighted(Layer):
    """A layer with a matrix of weights W and, unless switched off, a bias b for each output.

    Args:
        outputs: O.
        bias: whether there is a b.
        init: of W; None is what the experiment says.
    """

    inputs: int
    receptive = 1  # the positions of an image that one weight serves in one product, in both directions

    def __init__(self, outputs: Units, bias: bool = True, init: Initializer | None = None) -> None:
        self.outputs, self.bias, self.init = outputs, bias, init

    @abstractmethod
    def weight_shape(self) -> Shape:
        """Of W, outputs last."""

    def shapes(self) -> dict[str, Shape]:
        return {"W": self.weight_shape()} | ({"b": (self.outputs,)} if self.bias else {})

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.W = values["W"].reshape(-1, self.outputs)
        self.dW = grads["W"].reshape(-1, self.outputs)
        if self.bias:
            self.b, self.db = values["b"], grads["b"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        fan_out = self.outputs * self.receptive
        init(self.W, fan_in=len(self.W), fan_out=fan_out, rng=rng, gain=self.gain_behind)
        if self.bias:
            self.b.fill(0)


class Dense(Weighted):
    """y = x W + b, with W (I, O) and b (O,)."""

    takes = "vectors"

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) != 1:
            raise ShapeError(f"Dense takes vectors and is given {told(inputs)}: put a Flatten before it")
        (self.inputs,) = inputs
        return (self.outputs,)

    def weight_shape(self) -> Shape:
        return (self.inputs, self.outputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y: Array = np.empty((capacity, self.outputs), dtype)  # (B, O)
        self.ones: Array = np.ones(capacity, dtype)  # (B,)
        self.dx: Array = np.empty((capacity, self.inputs) if self.needs_dx else 0, dtype)  # (B, I)

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x, y = x, self.y[: len(x)]
        np.matmul(x, self.W, out=y)
        if self.bias:
            y += self.b
        return y

    def backward(self, dy: Array) -> Array:
        np.matmul(self.x.T, dy, out=self.dW)
        if self.bias:
            np.matmul(self.ones[: len(dy)], dy, out=self.db)  # sums over the batch, faster than a sum does
        if not self.needs_dx:
            return dy[:0]
        return np.matmul(dy, self.W.T, out=self.dx[: len(dy)])


def arranged(flat: NDArray[Scalar], n: int, shape: Shape) -> NDArray[Scalar]:
    """The first n * prod(shape) numbers of a buffer as n examples, (n, *shape).

    Images (C, H, W) lie pixel by pixel, in memory (C, H, W, n): whatever shifts, compares or adds pixels then runs along the
    whole batch, a convolution is one product whose result needs no rearrangement, and a channel's statistics are those of one row.
    """
    used = flat[: n * prod(shape)]
    if len(shape) == 3:
        return used.reshape(*shape, n).transpose(3, 0, 1, 2)
    return used.reshape(n, *shape)


def pixels_first(x: NDArray[Scalar]) -> NDArray[Scalar]:
    """Images (n, C, H, W) as they lie in memory, (C, H, W, n)."""
    return x.transpose(1, 2, 3, 0)


def told(shape: Shape) -> str:
    """A shape, for a person."""
    return (
        f"{len(shape)} dimensions, {' x '.join(map(str, shape))}"
        if len(shape) > 1
        else f"vectors of {shape[0]}"
    )
