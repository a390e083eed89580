"""What an activation is, and those whose derivative can be told from their output.

These write over their input where they may: one buffer fewer, and the layer below never looks at its output again. Where
definitions or derivatives at a kink differ, PyTorch's is taken. `gain` is what its `calculate_gain` says where that knows the
activation; ELU, GELU, SiLU and Mish have the gain of ReLU here, hard tanh that of tanh.
"""

from abc import abstractmethod
from math import prod, sqrt
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import DTypeLike

from nnexp.nn.layers.layer import Layer, arranged
from nnexp.nn.parameters import Array, Shape


class Activation(Layer):
    """y = f(x), element by element."""

    gain = (
        1.0  # what keeps a signal alive through weights and this activation, as a factor over 1 / sqrt(fan)
    )

    def connect(self, inputs: Shape) -> Shape:
        self.shape = inputs
        return inputs

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        size = capacity * prod(self.shape)
        self.slopes: Array = np.empty(size, dtype)  # dy/dx
        self.own: Array = np.empty(0 if self.in_place else size, dtype)  # y, where x must be left alone

    def place(self, x: Array) -> Array:
        """Where y goes."""
        return x if self.in_place else arranged(self.own, len(x), self.shape)

    def slope(self, n: int) -> Array:
        """Where dy/dx of n examples goes."""
        return arranged(self.slopes, n, self.shape)


class FromOutput(Activation):
    """An activation whose derivative is told from y."""

    keeps_output = True

    def forward(self, x: Array, training: bool = False) -> Array:
        self.y = self.apply(x, self.place(x))
        return self.y

    def backward(self, dy: Array) -> Array:
        dy *= self.derivative(self.y, self.slope(len(dy)))
        return dy

    @abstractmethod
    def apply(self, x: Array, out: Array) -> Array:
        """f(x), written into out, which may be x."""

    @abstractmethod
    def derivative(self, y: Array, out: Array) -> Array:
        """f'(x) told from y = f(x), written into out."""


class ReLU(FromOutput):
    """y = max(0, x), with derivative 0 at x = 0."""

    gain = sqrt(2)

    def apply(self, x: Array, out: Array) -> Array:
        return np.maximum(x, 0, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        return np.greater(y, 0, out=out)


class LeakyReLU(FromOutput):
    """y = x where x > 0, else slope x: Maas et al. 2013."""

    def __init__(self, slope: Annotated[float, Gt(0)] = 0.01) -> None:
        self.below = slope
        self.gain = sqrt(2 / (1 + slope**2))

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.part: Array = np.empty(capacity * prod(self.shape), dtype)

    def apply(self, x: Array, out: Array) -> Array:
        negative = np.minimum(x, 0, out=arranged(self.part, len(x), self.shape))
        negative *= self.below
        np.maximum(x, 0, out=out)
        out += negative
        return out

    def derivative(self, y: Array, out: Array) -> Array:
        np.greater(y, 0, out=out)
        out *= 1 - self.below
        out += self.below
        return out


class ELU(FromOutput):
    """y = scale x where x > 0, else scale alpha (exp x - 1): Clevert et al. 2016, eq. 15, with scale 1."""

    gain = sqrt(2)
    scale = 1.0

    def __init__(self, alpha: Annotated[float, Gt(0)] = 1.0) -> None:
        self.alpha = alpha

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.above = np.empty(capacity * prod(self.shape), bool)

    def apply(self, x: Array, out: Array) -> Array:
        bent = np.minimum(x, 0, out=self.slope(len(x)))
        np.expm1(bent, out=bent)
        bent *= self.scale * self.alpha
        np.maximum(x, 0, out=out)
        out *= self.scale
        out += bent
        return out

    def derivative(self, y: Array, out: Array) -> Array:
        np.minimum(y, 0, out=out)
        out += (
            self.scale * self.alpha
        )  # y' = y + scale alpha where x <= 0; for alpha = 1 that is right above 0 too
        if self.alpha != 1:
            np.copyto(out, self.scale, where=np.greater(y, 0, out=arranged(self.above, len(y), self.shape)))
        return out


class SELU(ELU):
    """ELU with the scale and alpha that normalise themselves: Klambauer et al. 2017, eq. 2."""

    gain = 3 / 4
    scale = 1.0507009873554805

    def __init__(self) -> None:
        super().__init__(1.6732632423543772)


class Tanh(FromOutput):
    """y = tanh x, y' = 1 - y^2."""

    gain = 5 / 3

    def apply(self, x: Array, out: Array) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.multiply(y, y, out=out)
        return np.subtract(1, out, out=out)


class HardTanh(FromOutput):
    """y = x, held to [-1, 1]: Collobert 2004; derivative 0 at the two kinks."""

    gain = 5 / 3

    def apply(self, x: Array, out: Array) -> Array:
        return np.clip(x, -1, 1, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.abs(y, out=out)
        return np.less(out, 1, out=out)


class Sigmoid(FromOutput):
    """y = 1 / (1 + exp(-x)), y' = y (1 - y)."""

    def apply(self, x: Array, out: Array) -> Array:
        return sigmoid(x, out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.subtract(1, y, out=out)
        return np.multiply(out, y, out=out)


class Softplus(FromOutput):
    """y = log(1 + exp x), y' = 1 - exp(-y): Dugas et al. 2001."""

    def apply(self, x: Array, out: Array) -> Array:
        bent = np.abs(x, out=self.slope(len(x)))
        np.negative(bent, out=bent)
        np.exp(bent, out=bent)
        np.log1p(bent, out=bent)
        np.maximum(x, 0, out=out)
        out += bent
        return out

    def derivative(self, y: Array, out: Array) -> Array:
        np.negative(y, out=out)
        np.expm1(out, out=out)
        return np.negative(out, out=out)


class Identity(Activation):
    """y = x: a network without it would be the same; it is here to be compared with."""

    @property
    def keeps_output(self) -> bool:  # type: ignore[override]
        """The output is the input."""
        return not self.in_place

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        pass

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy


def sigmoid(x: Array, out: Array) -> Array:
    """(1 + tanh(x / 2)) / 2 = 1 / (1 + exp(-x)), which cannot overflow so."""
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out
