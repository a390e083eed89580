"""Layers that disturb what passes while the network trains, and let it pass otherwise. Each draws from a stream of its own."""

from abc import abstractmethod
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import DTypeLike

from nnexp.nn.layers.layer import Layer, arranged
from nnexp.nn.parameters import Array, Shape

Rate = Annotated[float, Ge(0), Lt(1)]
Deviation = Annotated[float, Ge(0)]


class Noise(Layer):
    """A layer without parameters that draws `chance` anew for every batch, (B, ...)."""

    @property
    def keeps_output(self) -> bool:  # type: ignore[override]
        """Outside training the output is the input."""
        return not self.in_place

    def connect(self, inputs: Shape) -> Shape:
        self.shape = inputs
        self.rng = np.random.default_rng(0)
        return inputs

    def listen(self, noise: np.random.Generator) -> None:
        self.rng = noise

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.chance: Array = np.empty(capacity * prod(self.shape), dtype)
        self.own: Array = np.empty(0 if self.in_place else capacity * prod(self.shape), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        drawn = self.chance[: x.size]
        self.draw(drawn)
        return self.disturb(
            x,
            arranged(drawn, len(x), self.shape),
            x if self.in_place else arranged(self.own, len(x), self.shape),
        )

    @abstractmethod
    def draw(self, out: Array) -> None:
        """Fill a contiguous vector with chance."""

    @abstractmethod
    def disturb(self, x: Array, chance: Array, out: Array) -> Array:
        """What the next layer sees, written into out, which may be x."""


class Dropout(Noise):
    """Each number is 0 with probability `rate`, and the others are 1 / (1 - rate) as large: Srivastava et al. 2014, inverted."""

    def __init__(self, rate: Rate = 0.5) -> None:
        self.rate = rate

    def draw(self, out: Array) -> None:
        self.rng.random(out=out, dtype=out.dtype)
        np.greater_equal(out, self.rate, out=out)
        out *= 1 / (1 - self.rate)

    def disturb(self, x: Array, chance: Array, out: Array) -> Array:
        return np.multiply(x, chance, out=out)

    def backward(self, dy: Array) -> Array:
        dy *= arranged(self.chance, len(dy), self.shape)
        return dy


class GaussianNoise(Noise):
    """x + N(0, deviation^2): Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization"."""

    def __init__(self, deviation: Deviation = 0.1) -> None:
        self.deviation = deviation

    def draw(self, out: Array) -> None:
        self.rng.standard_normal(out=out, dtype=out.dtype)
        out *= self.deviation

    def disturb(self, x: Array, chance: Array, out: Array) -> Array:
        return np.add(x, chance, out=out)

    def backward(self, dy: Array) -> Array:
        return dy
