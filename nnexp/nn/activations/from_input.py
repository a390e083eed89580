"""Activations whose derivative needs their input: those that bend below zero and come back, and the one that learns.

They leave x alone and write y into a buffer of their own.
"""

from abc import abstractmethod
from math import pi, prod, sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import Activation, sigmoid
from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.layers.layer import arranged
from nnexp.nn.parameters import Array, Shape, Views


class FromInput(Activation):
    """An activation that keeps x: y = f(x), and f' is worked out together with it, while x is near."""

    gain = sqrt(2)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.in_place = False
        super().allocate(capacity, dtype)
        self.scratch: Array = np.empty(capacity * prod(self.shape), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y, slope = self.place(x), self.slope(len(x))
        self.apply(x, y, slope, arranged(self.scratch, len(x), self.shape))
        return y

    def backward(self, dy: Array) -> Array:
        dy *= self.slope(len(dy))
        return dy

    @abstractmethod
    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        """Write f(x) into y and f'(x) into slope."""


class GELU(FromInput):
    """y = x P(X <= x) for a standard normal X: Hendrycks & Gimpel 2016.

    Args:
        approximate: "none" for the exact one, "tanh" for the paper's 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        self.approximate = approximate

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if self.approximate == "tanh":
            self.by_tanh(x, y, slope, scratch)
            return
        from scipy.special import ndtr

        ndtr(x, out=y)  # P
        np.multiply(x, x, out=slope)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= 1 / sqrt(2 * pi)  # the density p; f' = P + x p
        slope *= x
        slope += y
        y *= x

    def by_tanh(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        """With u = sqrt(2 / pi) (x + 0.044715 x^3) and t = tanh u: y = x (1 + t) / 2, y' = (1 + t) / 2 + x (1 - t^2) u' / 2."""
        root = sqrt(2 / pi)
        np.multiply(x, x, out=scratch)
        np.multiply(scratch, root * 0.044715, out=y)
        y += root
        y *= x  # u
        np.tanh(y, out=y)
        scratch *= 3 * root * 0.044715
        scratch += root  # u'
        np.multiply(y, y, out=slope)
        np.subtract(1, slope, out=slope)
        slope *= scratch
        slope *= x
        slope += y
        slope += 1
        slope *= 0.5
        y += 1
        y *= 0.5
        y *= x


class SiLU(FromInput):
    """y = x s(x), s the sigmoid; y' = s + y (1 - s): Elfwing et al. 2018, also called swish."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        s = sigmoid(x, scratch)
        np.multiply(x, s, out=y)
        np.subtract(1, s, out=slope)
        slope *= y
        slope += s


class Mish(FromInput):
    """y = x t with t = tanh(log(1 + exp x)); y' = t + x (1 - t^2) s(x), s the sigmoid: Misra 2019."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        np.abs(x, out=scratch)
        np.negative(scratch, out=scratch)
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=scratch)
        np.maximum(x, 0, out=y)
        scratch += y  # log(1 + exp x), which cannot overflow so
        t = np.tanh(scratch, out=scratch)
        np.multiply(t, t, out=y)
        np.subtract(1, y, out=y)
        sigmoid(x, slope)
        slope *= y
        slope *= x
        slope += t
        np.multiply(x, t, out=y)


class PReLU(Activation):
    """y = x where x > 0, else a x with one learnt slope a: He et al. 2015, eq. 1.

    Args:
        slope: the first value of a.
    """

    def __init__(self, slope: Annotated[float, Ge(0)] = 0.25) -> None:
        self.first = slope
        self.gain = sqrt(2 / (1 + slope**2))

    def connect(self, inputs: Shape) -> Shape:
        self.in_place = False  # the gradient in a needs x
        return super().connect(inputs)

    def shapes(self) -> dict[str, Shape]:
        return {"a": (1,)}

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.a, self.da = values["a"], grads["a"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.a.fill(self.first)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.below: Array = np.empty(capacity * prod(self.shape), dtype)  # min(x, 0)

    def forward(self, x: Array, training: bool = False) -> Array:
        y, slope, below = self.place(x), self.slope(len(x)), arranged(self.below, len(x), self.shape)
        np.minimum(x, 0, out=below)
        np.multiply(below, self.a, out=slope)
        np.maximum(x, 0, out=y)
        y += slope
        np.greater(x, 0, out=slope)
        return y

    def backward(self, dy: Array) -> Array:
        slope, below = self.slope(len(dy)), arranged(self.below, len(dy), self.shape)
        below *= dy
        self.da[0] = below.sum()
        slope *= 1 - self.a
        slope += self.a  # 1 above 0, else a
        dy *= slope
        return dy
