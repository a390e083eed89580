"""The abstract layer, one differentiable step of a network, and the buffers that layers compute in.

B batch. `forward` keeps exactly what `backward` needs; both write into buffers that `allocate` made once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from math import prod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.initializers import Initializer
from nnexp.nn.parameters import Array, Shape, Views

Size = Annotated[int, Ge(1)]


class ShapeError(ValueError):
    """A layer cannot take examples of the shape that it is given."""


class Layer(ABC):
    """One differentiable step of a network.

    In this order: `connect` (shapes) -> `allocate` (buffers) -> `bind` (views of the parameters) ->
    `initialize` -> any number of `forward`, `backward`.
    """

    takes: ClassVar[Literal["any", "vectors", "images"]] = "any"
    remedy: ClassVar[str] = ""  # the fix that a `ShapeError` proposes; empty: a change of shape
    gain: float | None = None  # of weights before it (PyTorch's calculate_gain); None: that of the next layer
    next_gain = 1.0  # of the layers behind it; set by the container, before `connect`
    in_place = False  # whether `forward` may write over its input; set by the container, before `connect`
    keeps_output = False  # whether `backward` reads the output of `forward`: no layer may write over it then
    matmul: ClassVar[Callable[..., Array]] = staticmethod(
        np.matmul
    )  # of two matrices; threads may share it in a run
    needs_dx = True  # whether `backward` computes the gradient in x; the first layer with weights need not

    def connect(self, inputs: Shape) -> Shape:
        """Keep the shape of one example and return the shape of one output.

        Raises:
            ShapeError: the layer cannot take such examples.
        """
        if self.takes == "vectors" and len(inputs) != 1:
            fix = self.remedy or "put a Flatten before it"
            raise ShapeError(f"expected vectors, got {format_shape(inputs)}: {fix}")
        if self.takes == "images" and len(inputs) != 3:
            fix = self.remedy or "put an Unflatten before it"
            raise ShapeError(f"expected images (channels, height, width), got {format_shape(inputs)}: {fix}")
        self.input_shape = inputs
        return inputs

    def shapes(self) -> dict[str, Shape]:
        """Return the shapes of the parameters by name; matrices are (..., outputs)."""
        return {}

    def state_shapes(self) -> dict[str, Shape]:
        """Return the shapes of what is kept beside the parameters, such as running means, by name."""
        return {}

    @abstractmethod
    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        """Make the buffers for batches of up to `capacity` examples."""

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        """Keep the views of the parameters, of their gradients and of the state."""

    def set_rng(self, rng: np.random.Generator) -> None:
        """Set the random generator of layers like dropout."""

    def walk(self) -> Iterator["Layer"]:
        """Yield this layer, or those that it is made of, in the order of the forward pass."""
        yield self

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        """Fill the parameters and the state with their first values."""

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Compute y (B, ...) from x (B, ...); write over x only if `in_place`."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Compute dx from dy, which it may write over, and fill the gradients of the parameters."""


class Buffer:
    """Memory for up to `capacity` examples; a call with n returns the view (n, *shape).

    Images (C, H, W) lie pixel by pixel, in memory (C, H, W, n): operations that shift, compare or add pixels
    run along the whole batch, a convolution is one product whose result needs no rearrangement, and a
    channel's statistics are those of one row.
    """

    def __init__(self, capacity: int, shape: Shape, dtype: DTypeLike) -> None:
        self.shape = shape
        self.flat: NDArray[Any] = np.empty(capacity * prod(shape), dtype)
        self.n = -1  # the batch that `view` was made for

    def __call__(self, n: int) -> NDArray[Any]:
        if n != self.n:
            self.n = n
            used = self.flat[: n * prod(self.shape)]
            if len(self.shape) == 3:
                self.view = used.reshape(*self.shape, n).transpose(3, 0, 1, 2)
            else:
                self.view = used.reshape(n, *self.shape)
        return self.view


def pixels_first(x: NDArray[Any]) -> NDArray[Any]:
    """Return images (n, C, H, W) as they lie in memory, (C, H, W, n)."""
    return x.transpose(1, 2, 3, 0)


def format_shape(shape: Shape) -> str:
    """Format the shape of an example for an error message."""
    return f"vectors of {shape[0]}" if len(shape) == 1 else f"shape {' x '.join(map(str, shape))}"
