"""Layers made of layers: a stack, and a residual block.

B batch. Names of parameters are paths: the weights of the first layer in a residual block that is layer 3 are
"3.0.W".
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import ActivationName, make_activation
from nnexp.nn.layer import Buffer, Layer, ShapeError, format_shape
from nnexp.nn.parameters import Array, Shape, Views

LayerChoice = Layer | ActivationName
Observers = Mapping[Layer, Callable[[Array], None]]
"""Functions to call with a layer's outputs before another may write over them (PyTorch's forward hooks)."""


class Container(Layer):
    """A layer made of layers."""

    children: Mapping[str, Layer]  # by the prefix of their parameters' names

    def shapes(self) -> dict[str, Shape]:
        return _join({path: layer.shapes() for path, layer in self.children.items()})

    def state_shapes(self) -> dict[str, Shape]:
        return _join({path: layer.state_shapes() for path, layer in self.children.items()})

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        for path, layer in self.children.items():
            layer.bind(*(_below(path, views) for views in (values, grads, state)))

    def set_rng(self, rng: np.random.Generator) -> None:
        for layer, stream in zip(self.children.values(), rng.spawn(len(self.children)), strict=True):
            layer.set_rng(stream)

    def walk(self) -> Iterator[Layer]:
        for layer in self.children.values():
            yield from layer.walk()

    @abstractmethod
    def forward(self, x: Array, training: bool = False, observe: Observers | None = None) -> Array: ...


class Stack(Container):
    """Layers in a row, in the order of the forward pass; activations may be named."""

    def __init__(self, layers: Sequence[LayerChoice]) -> None:
        self.layers = named(layers)
        self.children = {f"{i}.": layer for i, layer in enumerate(self.layers)}

    def connect(self, inputs: Shape) -> Shape:
        shape = super().connect(inputs)
        gains = [layer.gain for layer in self.layers]
        free = self.in_place
        for i, layer in enumerate(self.layers):
            layer.in_place = free
            layer.next_gain = next((gain for gain in gains[i + 1 :] if gain is not None), 1.0)
            try:
                shape = layer.connect(shape)
            except ShapeError as error:
                raise ShapeError(f"layer {i}, {type(layer).__name__}: {error}") from None
            free = not layer.keeps_output
        self.keeps_output = not free
        return shape

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.first = 0  # where the backward pass may end
        if not self.needs_dx:
            self.first = next((i for i, layer in enumerate(self.layers) if layer.shapes()), len(self.layers))
        for i, layer in enumerate(self.layers):
            layer.needs_dx = self.needs_dx or i > self.first
            layer.allocate(capacity, dtype)

    def forward(self, x: Array, training: bool = False, observe: Observers | None = None) -> Array:
        for layer in self.layers:
            if observe and isinstance(layer, Container):
                x = layer.forward(x, training, observe)
            else:
                x = layer.forward(x, training)
            if observe and layer in observe:
                observe[layer](x)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers[self.first :]):
            dy = layer.backward(dy)
        return dy


class Residual(Container):
    """y = x + F(x), or with a shortcut y = S(x) + F(x): He et al. 2016, "Deep Residual Learning", eq. 1-2.

    F is `layers`, S is `shortcut`; without one, F must keep the shape. Activations may be named.
    """

    gain = 1.0

    def __init__(
        self, layers: Annotated[list[LayerChoice], MinLen(1)], shortcut: list[LayerChoice] | None = None
    ) -> None:
        self.body = Stack(layers)
        self.shortcut = Stack(shortcut) if shortcut else None
        self.children = {"": self.body} | ({"shortcut.": self.shortcut} if self.shortcut else {})

    def connect(self, inputs: Shape) -> Shape:
        around = super().connect(inputs)
        self.shape = self.body.connect(inputs)  # F may not write over x, which the sum needs
        if self.shortcut:
            around = self.shortcut.connect(inputs)
        if self.shape != around:
            summands = f"{format_shape(around)} to {format_shape(self.shape)}"
            raise ShapeError(f"cannot add {summands}: make F keep the shape, or give it a shortcut")
        return self.shape

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y = Buffer(capacity, self.shape, dtype)
        self.dy = Buffer(capacity, self.shape, dtype)
        for stack in self.children.values():
            stack.needs_dx = self.needs_dx
            stack.allocate(capacity, dtype)

    def forward(self, x: Array, training: bool = False, observe: Observers | None = None) -> Array:
        around = self.shortcut.forward(x, training, observe) if self.shortcut else x
        y: Array = self.y(len(x))
        return np.add(self.body.forward(x, training, observe), around, out=y)

    def backward(self, dy: Array) -> Array:
        copy = self.dy(len(dy))
        np.copyto(copy, dy)  # F may write over its gradient
        dx = self.body.backward(copy)
        around = self.shortcut.backward(dy) if self.shortcut else dy
        if self.needs_dx:
            dx += around
        return dx


def named(layers: Sequence[LayerChoice]) -> list[Layer]:
    """Replace the names of activations by activations."""
    return [layer if isinstance(layer, Layer) else make_activation(layer) for layer in layers]


def _join(shapes: Mapping[str, dict[str, Shape]]) -> dict[str, Shape]:
    """Put paths before the names of shapes."""
    return {f"{path}{name}": shape for path, inner in shapes.items() for name, shape in inner.items()}


def _below(path: str, views: Views) -> Views:
    """Select the views whose name begins with a path, without it."""
    return {name.removeprefix(path): view for name, view in views.items() if name.startswith(path)}
