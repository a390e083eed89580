"""Layers that bring what passes to mean 0 and variance 1, then scale and shift it by learnt amounts.

B batch, C channels or units, M the examples (times pixels) that a channel's statistics are taken over.
"""

from math import prod
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import DTypeLike

from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.layers.layer import Layer, ShapeError, arranged, pixels_first, told
from nnexp.nn.parameters import Array, Shape, Views

Epsilon = Annotated[float, Gt(0)]


class BatchNorm(Layer):
    """y = gamma x^ + beta, x^ = (x - mean) / sqrt(var + eps) over the batch, and over the pixels: Ioffe & Szegedy 2015, algorithm 1.

    Outside training the running mean and variance stand in for those of the batch: running <- (1 - momentum) running +
    momentum batch, the variance unbiased, as in PyTorch.

    Args:
        momentum: the weight of the newest batch.
        eps: keeps the root from 0.
    """

    def __init__(self, momentum: Annotated[float, Ge(0), Le(1)] = 0.1, eps: Epsilon = 1e-5) -> None:
        self.momentum, self.eps = momentum, eps

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) not in (1, 3):
            raise ShapeError(f"{type(self).__name__} takes vectors or images and is given {told(inputs)}")
        self.shape = inputs
        self.axis = 0 if len(inputs) == 1 else 1  # vectors lie (M, C), images (C, M)
        return inputs

    def shapes(self) -> dict[str, Shape]:
        return {"gamma": self.shape[:1], "beta": self.shape[:1]}

    def state_shapes(self) -> dict[str, Shape]:
        return {"mean": self.shape[:1], "var": self.shape[:1]}

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.normal: Array = np.empty(capacity * prod(self.shape), dtype)  # x^
        self.y: Array = np.empty(capacity * prod(self.shape), dtype)
        self.mean, self.var, self.scale = np.empty((3, *self.along(self.shape[0])), dtype)

    def along(self, channels: int) -> Shape:
        """The shape of a number per channel beside the matrix."""
        return (1, channels) if self.axis == 0 else (channels, 1)

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        shape = self.along(self.shape[0])
        self.gamma, self.beta = values["gamma"].reshape(shape), values["beta"].reshape(shape)
        self.dgamma, self.dbeta = grads["gamma"].reshape(shape), grads["beta"].reshape(shape)
        self.running_mean, self.running_var = state["mean"].reshape(shape), state["var"].reshape(shape)

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.gamma.fill(1)
        self.beta.fill(0)
        self.running_mean.fill(0)
        self.running_var.fill(1)

    def matrix(self, x: Array) -> Array:
        """(B, C) as it is; (B, C, H, W) as (C, H W B)."""
        return x if self.axis == 0 else pixels_first(x).reshape(self.shape[0], -1)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = arranged(self.y, len(x), self.shape)
        normal, x, out = (
            self.matrix(arranged(self.normal, len(x), self.shape)),
            self.matrix(x),
            self.matrix(y),
        )
        if training:
            m = x.shape[self.axis]
            np.mean(x, axis=self.axis, keepdims=True, out=self.mean)
            np.subtract(x, self.mean, out=normal)
            np.multiply(normal, normal, out=out)
            np.mean(out, axis=self.axis, keepdims=True, out=self.var)
            if m > 1:  # a single example says nothing of a variance
                self.remember(self.running_mean, self.mean, 1.0)
                self.remember(self.running_var, self.var, m / (m - 1))
            np.add(self.var, self.eps, out=self.scale)
        else:
            np.subtract(x, self.running_mean, out=normal)
            np.add(self.running_var, self.eps, out=self.scale)
        np.sqrt(self.scale, out=self.scale)
        np.divide(1, self.scale, out=self.scale)  # 1 / sqrt(var + eps)
        normal *= self.scale
        np.multiply(normal, self.gamma, out=out)
        out += self.beta
        return y

    def remember(self, running: Array, batch: Array, factor: float) -> None:
        """Let the running statistic follow that of the batch."""
        running *= 1 - self.momentum
        running += (self.momentum * factor) * batch

    def backward(self, dy: Array) -> Array:
        """Dx = gamma / sqrt(var + eps) (dy - mean(dy) - x^ mean(dy x^)), after training's forward."""
        normal, scratch = (self.matrix(arranged(flat, len(dy), self.shape)) for flat in (self.normal, self.y))
        rows = self.matrix(dy)
        m = rows.shape[self.axis]
        np.multiply(rows, normal, out=scratch)
        np.add.reduce(scratch, axis=self.axis, keepdims=True, out=self.dgamma)
        np.add.reduce(rows, axis=self.axis, keepdims=True, out=self.dbeta)
        normal *= self.dgamma / m
        np.subtract(rows, self.dbeta / m, out=scratch)
        scratch -= normal
        self.scale *= self.gamma
        scratch *= self.scale
        return arranged(self.y, len(dy), self.shape)


class BatchNorm1d(BatchNorm):
    """Batch normalisation of vectors."""

    takes = "vectors"

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) != 1:
            raise ShapeError(f"BatchNorm1d takes vectors and is given {told(inputs)}: take a BatchNorm2d")
        return super().connect(inputs)


class BatchNorm2d(BatchNorm):
    """Batch normalisation of the channels of images."""

    takes = "images"

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) != 3:
            raise ShapeError(f"BatchNorm2d takes images and is given {told(inputs)}: take a BatchNorm1d")
        return super().connect(inputs)


class LayerNorm(Layer):
    """y = gamma x^ + beta, x^ = (x - mean) / sqrt(var + eps) over the units of each example: Ba et al. 2016, eq. 3-4.

    Args:
        eps: keeps the root from 0.
    """

    takes = "vectors"

    def __init__(self, eps: Epsilon = 1e-5) -> None:
        self.eps = eps

    def connect(self, inputs: Shape) -> Shape:
        if len(inputs) != 1:
            raise ShapeError(f"LayerNorm takes vectors and is given {told(inputs)}: put a Flatten before it")
        self.shape = inputs
        return inputs

    def shapes(self) -> dict[str, Shape]:
        return {"gamma": self.shape, "beta": self.shape}

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.normal, self.y = np.empty((2, capacity, *self.shape), dtype)  # (B, I)
        self.mean, self.scale = np.empty((2, capacity, 1), dtype)

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.gamma, self.beta = values["gamma"], values["beta"]
        self.dgamma, self.dbeta = grads["gamma"], grads["beta"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.gamma.fill(1)
        self.beta.fill(0)

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        normal, y, mean, scale = self.normal[:n], self.y[:n], self.mean[:n], self.scale[:n]
        np.mean(x, axis=1, keepdims=True, out=mean)
        np.subtract(x, mean, out=normal)
        np.multiply(normal, normal, out=y)
        np.mean(y, axis=1, keepdims=True, out=scale)
        scale += self.eps
        np.sqrt(scale, out=scale)
        np.divide(1, scale, out=scale)  # 1 / sqrt(var + eps)
        normal *= scale
        np.multiply(normal, self.gamma, out=y)
        y += self.beta
        return y

    def backward(self, dy: Array) -> Array:
        """With g = gamma dy: dx = (g - mean(g) - x^ mean(g x^)) / sqrt(var + eps)."""
        n = len(dy)
        normal, scratch, mean, scale = self.normal[:n], self.y[:n], self.mean[:n], self.scale[:n]
        np.multiply(dy, normal, out=scratch)
        np.add.reduce(scratch, axis=0, out=self.dgamma)
        np.add.reduce(dy, axis=0, out=self.dbeta)
        dy *= self.gamma
        np.multiply(dy, normal, out=scratch)
        np.mean(scratch, axis=1, keepdims=True, out=mean)
        normal *= mean
        np.mean(dy, axis=1, keepdims=True, out=mean)
        dy -= mean
        dy -= normal
        dy *= scale
        return dy
