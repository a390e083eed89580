"""Layers in a row, and a row with a way around it.

B batch. Names of parameters are paths: the weights of the first layer in a residual block that is layer 3 are "3.0.W".
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import Activation
from nnexp.nn.activations.choices import ActivationName, activation
from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.layers.layer import Layer, ShapeError, Weighted, arranged, told
from nnexp.nn.parameters import Array, Shape, Views


class Stack(Layer):
    """Layers one after the other; a layer too.

    Args:
        layers: in the order of the forward pass.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def connect(self, inputs: Shape) -> Shape:
        free = self.in_place
        for i, layer in enumerate(self.layers):
            layer.in_place = free
            layer.gain_behind = self.gain_after(i)
            try:
                inputs = layer.connect(inputs)
            except ShapeError as error:
                raise ShapeError(f"layer {i}, {error}") from None
            free = not layer.keeps_output
        return inputs

    def gain_after(self, i: int) -> float:
        """What the activation behind layer i asks of its weights; another layer with weights before it asks nothing."""
        for layer in self.layers[i + 1 :]:
            if isinstance(layer, Activation):
                return layer.gain
            if isinstance(layer, Weighted | Residual):
                break
        return 1.0

    @property
    def keeps_output(self) -> bool:  # type: ignore[override]
        """As its last layer."""
        return self.layers[-1].keeps_output

    def shapes(self) -> dict[str, Shape]:
        return {
            f"{i}.{name}": shape
            for i, layer in enumerate(self.layers)
            for name, shape in layer.shapes().items()
        }

    def state_shapes(self) -> dict[str, Shape]:
        return {
            f"{i}.{name}": shape
            for i, layer in enumerate(self.layers)
            for name, shape in layer.state_shapes().items()
        }

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.first = 0  # where the backward pass may end
        if not self.needs_dx:
            self.first = next((i for i, layer in enumerate(self.layers) if layer.shapes()), len(self.layers))
        for i, layer in enumerate(self.layers):
            layer.needs_dx = self.needs_dx or i > self.first
            layer.allocate(capacity, dtype)

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        for i, layer in enumerate(self.layers):
            layer.bind(*(_below(views, f"{i}.") for views in (values, grads, state)))

    def listen(self, noise: np.random.Generator) -> None:
        for layer, stream in zip(self.layers, noise.spawn(len(self.layers)), strict=True):
            layer.listen(stream)

    def walk(self) -> Iterator[Layer]:
        for layer in self.layers:
            yield from layer.walk()

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        for layer in self.layers:
            layer.initialize(init, rng)

    def forward(self, x: Array, training: bool = False) -> Array:
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers[self.first :]):
            dy = layer.backward(dy)
        return dy


class Residual(Layer):
    """y = x + F(x): He et al. 2016, "Deep Residual Learning", eq. 1; with a shortcut S, y = S(x) + F(x), eq. 2.

    Args:
        layers: F; activations may be named.
        shortcut: S; empty is the identity, for which F must keep the shape.
    """

    def __init__(
        self,
        layers: Annotated[list[Layer | ActivationName], MinLen(1)],
        shortcut: list[Layer | ActivationName] | None = None,
    ) -> None:
        self.body = Stack(named(layers))
        self.shortcut = Stack(named(shortcut)) if shortcut else None

    def connect(self, inputs: Shape) -> Shape:
        self.shape = self.body.connect(inputs)  # F may not write over x, which is needed for the sum
        around = self.shortcut.connect(inputs) if self.shortcut else inputs
        if self.shape != around:
            raise ShapeError(
                f"Residual adds {told(around)} to {told(self.shape)}: make F keep the shape, or give it a shortcut"
            )
        return self.shape

    def shapes(self) -> dict[str, Shape]:
        around = self.shortcut.shapes() if self.shortcut else {}
        return self.body.shapes() | {f"shortcut.{name}": shape for name, shape in around.items()}

    def state_shapes(self) -> dict[str, Shape]:
        around = self.shortcut.state_shapes() if self.shortcut else {}
        return self.body.state_shapes() | {f"shortcut.{name}": shape for name, shape in around.items()}

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        size = capacity * prod(self.shape)
        self.y, self.dy = np.empty((2, size), dtype)
        for chain in filter(None, (self.body, self.shortcut)):
            chain.needs_dx = self.needs_dx
            chain.allocate(capacity, dtype)

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.body.bind(values, grads, state)
        if self.shortcut:
            self.shortcut.bind(*(_below(views, "shortcut.") for views in (values, grads, state)))

    def listen(self, noise: np.random.Generator) -> None:
        for chain, stream in zip((self.body, self.shortcut), noise.spawn(2), strict=True):
            if chain:
                chain.listen(stream)

    def walk(self) -> Iterator[Layer]:
        yield from self.body.walk()
        if self.shortcut:
            yield from self.shortcut.walk()

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.body.initialize(init, rng)
        if self.shortcut:
            self.shortcut.initialize(init, rng)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = arranged(self.y, len(x), self.shape)
        around = self.shortcut.forward(x, training) if self.shortcut else x
        np.add(self.body.forward(x, training), around, out=y)
        return y

    def backward(self, dy: Array) -> Array:
        copy = arranged(self.dy, len(dy), self.shape)
        np.copyto(copy, dy)  # F may write over its gradient
        dx = self.body.backward(copy)
        around = self.shortcut.backward(dy) if self.shortcut else dy
        if self.needs_dx:
            dx += around
        return dx


def named(layers: Sequence[Layer | ActivationName]) -> list[Layer]:
    """The layers, with activations in the place of their names."""
    return [layer if isinstance(layer, Layer) else activation(layer) for layer in layers]


def _below(views: Views, path: str) -> Views:
    """The views whose name begins with that path, without it."""
    return {name.removeprefix(path): view for name, view in views.items() if name.startswith(path)}
