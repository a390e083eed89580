"""Activations whose derivative is a function of their output.

They write over their input where they may: the layer below does not need its output again.
"""

from abc import abstractmethod
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import Activation, sigmoid
from nnexp.nn.layer import Buffer
from nnexp.nn.parameters import Array, Shape


class FromOutput(Activation):
    """An activation whose `backward` reads y."""

    keeps_output = True

    def forward(self, x: Array, training: bool = False) -> Array:
        self.y = self.apply(x, self.output(x))
        return self.y

    def backward(self, dy: Array) -> Array:
        dy *= self.derivative(self.y, self.slopes(len(dy)))
        return dy

    @abstractmethod
    def apply(self, x: Array, out: Array) -> Array:
        """Write f(x) into out, which may be x."""

    @abstractmethod
    def derivative(self, y: Array, out: Array) -> Array:
        """Write f'(x), computed from y = f(x), into out."""


class ReLU(FromOutput, name="relu", gain=sqrt(2)):
    """y = max(0, x), with derivative 0 at x = 0."""

    def apply(self, x: Array, out: Array) -> Array:
        return np.maximum(x, 0, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        return np.greater(y, 0, out=out)


class LeakyReLU(FromOutput, name="leaky_relu"):
    """y = x where x > 0, else slope x: Maas et al. 2013."""

    def __init__(self, slope: Annotated[float, Gt(0)] = 0.01) -> None:
        self.negative_slope = slope
        self.gain = sqrt(2 / (1 + slope**2))

    def apply(self, x: Array, out: Array) -> Array:
        negative = np.minimum(x, 0, out=self.slopes(len(x)))
        negative *= self.negative_slope
        np.maximum(x, 0, out=out)
        out += negative
        return out

    def derivative(self, y: Array, out: Array) -> Array:
        np.greater(y, 0, out=out)
        out *= 1 - self.negative_slope
        out += self.negative_slope
        return out


class _ScaledELU(FromOutput):
    """y = scale x where x > 0, else scale alpha (exp x - 1)."""

    scale = 1.0
    alpha = 1.0

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.positive = Buffer(capacity, self.input_shape, bool)  # where y > 0

    def apply(self, x: Array, out: Array) -> Array:
        bent = np.minimum(x, 0, out=self.slopes(len(x)))
        np.expm1(bent, out=bent)
        bent *= self.scale * self.alpha
        np.maximum(x, 0, out=out)
        out *= self.scale
        out += bent
        return out

    def derivative(self, y: Array, out: Array) -> Array:
        np.minimum(y, 0, out=out)
        out += self.scale * self.alpha  # y' = y + scale alpha where x <= 0; for alpha = 1 also above 0
        if self.alpha != 1:
            np.copyto(out, self.scale, where=np.greater(y, 0, out=self.positive(len(y))))
        return out


class ELU(_ScaledELU, name="elu", gain=sqrt(2)):
    """y = x where x > 0, else alpha (exp x - 1): Clevert et al. 2016, eq. 15."""

    def __init__(self, alpha: Annotated[float, Gt(0)] = 1.0) -> None:
        self.alpha = alpha


class SELU(_ScaledELU, name="selu", gain=3 / 4):
    """ELU with the scale and alpha that keep mean 0 and variance 1: Klambauer et al. 2017, eq. 2."""

    scale = 1.0507009873554805
    alpha = 1.6732632423543772


class Tanh(FromOutput, name="tanh", gain=5 / 3):
    """y = tanh x, y' = 1 - y^2."""

    def apply(self, x: Array, out: Array) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.multiply(y, y, out=out)
        return np.subtract(1, out, out=out)


class HardTanh(FromOutput, name="hard_tanh", gain=5 / 3):
    """y = x, clipped to [-1, 1]: Collobert 2004; derivative 0 at the two kinks."""

    def apply(self, x: Array, out: Array) -> Array:
        return np.clip(x, -1, 1, out=out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.abs(y, out=out)
        return np.less(out, 1, out=out)


class Sigmoid(FromOutput, name="sigmoid"):
    """y = 1 / (1 + exp(-x)), y' = y (1 - y)."""

    def apply(self, x: Array, out: Array) -> Array:
        return sigmoid(x, out)

    def derivative(self, y: Array, out: Array) -> Array:
        np.subtract(1, y, out=out)
        return np.multiply(out, y, out=out)


class Softplus(FromOutput, name="softplus"):
    """y = log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|)), y' = 1 - exp(-y): Dugas et al. 2001."""

    def apply(self, x: Array, out: Array) -> Array:
        bent = np.abs(x, out=self.slopes(len(x)))
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


class Identity(Activation, name="identity"):
    """y = x: the network is the same without it; a baseline for the others."""

    def connect(self, inputs: Shape) -> Shape:
        self.keeps_output = not self.in_place  # the output is the input
        return super().connect(inputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        pass

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy
