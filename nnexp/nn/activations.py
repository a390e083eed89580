"""Activations: elementwise layers without parameters.

Those whose derivative can be told from the output write over their input: one buffer fewer, and the dense layer below never
looks at its output again.
"""

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from nnexp.nn.layers import Layer
from nnexp.nn.parameters import Array, Shape


class Activation(Layer):
    """y = f(x), element by element and in place."""

    def connect(self, inputs: Shape) -> Shape:
        self.shape = inputs
        return inputs

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.slope: Array = np.empty((capacity, *self.shape), dtype)  # dy/dx, (B, ...)

    def forward(self, x: Array) -> Array:
        self.y = self.apply(x)
        return self.y

    def backward(self, dy: Array) -> Array:
        dy *= self.derivative(self.y, self.slope[: len(dy)])
        return dy

    @abstractmethod
    def apply(self, x: Array) -> Array:
        """f(x), written over x."""

    @abstractmethod
    def derivative(self, y: Array, out: Array) -> Array:
        """f'(x) told from y = f(x), written into out."""


class ReLU(Activation):
    """y = max(0, x), with derivative 0 at x = 0 as in PyTorch."""

    def apply(self, x: Array) -> Array:
        return np.maximum(x, 0, out=x)

    def derivative(self, y: Array, out: Array) -> Array:
        return np.greater(y, 0, out=out)


class Tanh(Activation):
    """y = tanh x, y' = 1 - y^2."""

    def apply(self, x: Array) -> Array:
        return np.tanh(x, out=x)

    def derivative(self, y: Array, out: Array) -> Array:
        np.multiply(y, y, out=out)
        return np.subtract(1, out, out=out)


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)), computed as (1 + tanh(x / 2)) / 2, which cannot overflow; y' = y (1 - y)."""

    def apply(self, x: Array) -> Array:
        x *= 0.5
        np.tanh(x, out=x)
        x += 1
        x *= 0.5
        return x

    def derivative(self, y: Array, out: Array) -> Array:
        np.subtract(1, y, out=out)
        return np.multiply(out, y, out=out)


class Identity(Activation):
    """y = x: a network without it would be the same; it is here to be compared with."""

    def apply(self, x: Array) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy

    def derivative(self, y: Array, out: Array) -> Array:
        out.fill(1)
        return out


ActivationName = Literal["identity", "relu", "sigmoid", "tanh"]
ACTIVATIONS: dict[ActivationName, type[Activation]] = {"identity": Identity, "relu": ReLU, "sigmoid": Sigmoid, "tanh": Tanh}
