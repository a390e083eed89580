"""Stochastic regularization: layers that add noise in training and pass their input on otherwise."""

from abc import abstractmethod
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import DTypeLike

from nnexp.nn.layer import Buffer, Layer
from nnexp.nn.parameters import Array, Shape

Rate = Annotated[float, Ge(0), Lt(1)]
Deviation = Annotated[float, Ge(0)]


class StochasticLayer(Layer):
    """A layer without parameters that draws a mask or noise, (B, ...), from its own stream for each batch."""

    def connect(self, inputs: Shape) -> Shape:
        self.keeps_output = not self.in_place  # outside training the output is the input
        self.rng = np.random.default_rng(0)
        return super().connect(inputs)

    def set_rng(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.noise = Buffer(capacity, self.input_shape, dtype)
        self.y = Buffer(0 if self.in_place else capacity, self.input_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        self.draw(self.noise.flat[: x.size])
        return self.apply_noise(x, self.noise(len(x)), out=x if self.in_place else self.y(len(x)))

    @abstractmethod
    def draw(self, out: Array) -> None:
        """Fill a contiguous vector with noise."""

    @abstractmethod
    def apply_noise(self, x: Array, noise: Array, out: Array) -> Array:
        """Write the noisy input into out, which may be x."""


class Dropout(StochasticLayer):
    """0 with probability `rate`, else x / (1 - rate): Srivastava et al. 2014, inverted."""

    def __init__(self, rate: Rate = 0.5) -> None:
        self.rate = rate

    def draw(self, out: Array) -> None:
        self.rng.random(out=out, dtype=out.dtype)
        np.greater_equal(out, self.rate, out=out)
        out *= 1 / (1 - self.rate)

    def apply_noise(self, x: Array, noise: Array, out: Array) -> Array:
        return np.multiply(x, noise, out=out)

    def backward(self, dy: Array) -> Array:
        dy *= self.noise(len(dy))
        return dy


class GaussianNoise(StochasticLayer):
    """x + N(0, deviation^2): Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization"."""

    def __init__(self, deviation: Deviation = 0.1) -> None:
        self.deviation = deviation

    def draw(self, out: Array) -> None:
        self.rng.standard_normal(out=out, dtype=out.dtype)
        out *= self.deviation

    def apply_noise(self, x: Array, noise: Array, out: Array) -> Array:
        return np.add(x, noise, out=out)

    def backward(self, dy: Array) -> Array:
        return dy
