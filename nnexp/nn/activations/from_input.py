"""Activations whose derivative is a function of their input; they write y into a buffer of their own."""

from abc import abstractmethod
from functools import partial
from math import pi, sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import DTypeLike

from nnexp.nn.activations.activation import ACTIVATIONS, Activation, sigmoid
from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Buffer
from nnexp.nn.parameters import Array, Shape, Views


class FromInput(Activation, gain=sqrt(2)):
    """An activation that computes f(x) and f'(x) together, while x is in the cache."""

    def connect(self, inputs: Shape) -> Shape:
        self.in_place = False
        return super().connect(inputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.scratch = Buffer(capacity, self.input_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        y = self.own(n)
        self.apply(x, y, self.slopes(n), self.scratch(n))
        return y

    def backward(self, dy: Array) -> Array:
        dy *= self.slopes(len(dy))
        return dy

    @abstractmethod
    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        """Write f(x) into y and f'(x) into slope."""


class GELU(FromInput, name="gelu"):
    """y = x P(X <= x) for a standard normal X, exact or by the tanh of section 2: Hendrycks & Gimpel 2016."""

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        self.approximate = approximate

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if self.approximate == "tanh":
            self.apply_tanh(x, y, slope, scratch)
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

    def apply_tanh(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        """Compute y = x (1 + t) / 2 and 2 y' = 1 + t + x (1 - t^2) u' with t = tanh u."""
        root = sqrt(2 / pi)  # u = root (x + 0.044715 x^3)
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


ACTIVATIONS["gelu_tanh"] = partial(GELU, "tanh")


class SiLU(FromInput, name="silu"):
    """y = x s(x), s the sigmoid; y' = s + y (1 - s): Elfwing et al. 2018, also called swish."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        s = sigmoid(x, scratch)
        np.multiply(x, s, out=y)
        np.subtract(1, s, out=slope)
        slope *= y
        slope += s


class Mish(FromInput, name="mish"):
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


class PReLU(FromInput, name="prelu"):
    """y = x where x > 0, else a x with one learned slope a, at first `slope`: He et al. 2015, eq. 1."""

    def __init__(self, slope: Annotated[float, Ge(0)] = 0.25) -> None:
        self.first_slope = slope
        self.gain = sqrt(2 / (1 + slope**2))

    def shapes(self) -> dict[str, Shape]:
        return {"a": (1,)}

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.a = values["a"]
        self.da = grads["a"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.a.fill(self.first_slope)

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        np.minimum(x, 0, out=scratch)
        np.multiply(scratch, self.a, out=slope)
        np.maximum(x, 0, out=y)
        y += slope
        np.greater(x, 0, out=slope)

    def backward(self, dy: Array) -> Array:
        slope, negative = self.slopes(len(dy)), self.scratch(len(dy))
        negative *= dy
        self.da[0] = negative.sum()  # the sum of min(x, 0) dy
        slope *= 1 - self.a
        slope += self.a  # 1 above 0, else a
        dy *= slope
        return dy
