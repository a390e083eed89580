"""Normalization: layers that give their input mean 0 and variance 1, then scale and shift it as learned.

B batch, C channels or units, M the examples (times pixels) that a channel's statistics are computed over.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import DTypeLike

from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Buffer, Layer, pixels_first
from nnexp.nn.parameters import Array, Shape, Views

Epsilon = Annotated[float, Gt(0)]


class Normalization(Layer):
    """A layer with a scale gamma and a shift beta for each channel."""

    def shapes(self) -> dict[str, Shape]:
        return dict.fromkeys(("gamma", "beta"), self.input_shape[:1])

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.normal = Buffer(capacity, self.input_shape, dtype)  # x^
        self.y = Buffer(capacity, self.input_shape, dtype)

    def per_channel(self, vector: Array) -> Array:
        """Return a view of a vector (C,) that broadcasts against the examples."""
        return vector

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.gamma, self.beta = (self.per_channel(values[name]) for name in ("gamma", "beta"))
        self.dgamma, self.dbeta = (self.per_channel(grads[name]) for name in ("gamma", "beta"))

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        self.gamma.fill(1)
        self.beta.fill(0)


class BatchNorm(Normalization):
    """y = gamma x^ + beta, x^ = (x - mean) / sqrt(var + eps) over the batch: Ioffe & Szegedy 2015, alg. 1.

    Outside training the running mean and variance replace those of the batch: running <- (1 - momentum)
    running + momentum batch, with the variance unbiased, as in PyTorch.
    """

    axis: ClassVar[int]  # of M in `matrix`

    def __init__(self, momentum: Annotated[float, Ge(0), Le(1)] = 0.1, eps: Epsilon = 1e-5) -> None:
        self.momentum = momentum
        self.eps = eps

    @abstractmethod
    def matrix(self, x: Array) -> Array:
        """Return the examples as a matrix with one line per channel, without copying."""

    def state_shapes(self) -> dict[str, Shape]:
        return dict.fromkeys(("mean", "var"), self.input_shape[:1])

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.mean, self.var, self.scale = map(self.per_channel, np.empty((3, self.input_shape[0]), dtype))

    def per_channel(self, vector: Array) -> Array:
        return np.expand_dims(vector, self.axis)

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        super().bind(values, grads, state)
        self.running_mean, self.running_var = (self.per_channel(state[name]) for name in ("mean", "var"))

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        super().initialize(init, rng)
        self.running_mean.fill(0)
        self.running_var.fill(1)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        normal = self.matrix(self.normal(len(x)))
        x = self.matrix(x)
        out = self.matrix(y)
        if training:
            m = x.shape[self.axis]
            np.mean(x, axis=self.axis, keepdims=True, out=self.mean)
            np.subtract(x, self.mean, out=normal)
            np.multiply(normal, normal, out=out)
            np.mean(out, axis=self.axis, keepdims=True, out=self.var)
            self.update_running(m)
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

    def update_running(self, m: int) -> None:
        """Move the running statistics towards those of the batch; a single example has no variance."""
        if m > 1:
            self.running_mean *= 1 - self.momentum
            self.running_mean += self.momentum * self.mean
            self.running_var *= 1 - self.momentum
            self.running_var += (self.momentum * (m / (m - 1))) * self.var

    def backward(self, dy: Array) -> Array:
        """Compute dx = gamma / sqrt(var + eps) (dy - mean(dy) - x^ mean(dy x^))."""
        dx = self.y(len(dy))
        normal = self.matrix(self.normal(len(dy)))
        scratch = self.matrix(dx)
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
        return dx


class BatchNorm1d(BatchNorm):
    """Batch normalization of vectors."""

    takes = "vectors"
    remedy = "use BatchNorm2d"
    axis = 0

    def matrix(self, x: Array) -> Array:
        return x  # (M, C)


class BatchNorm2d(BatchNorm):
    """Batch normalization of the channels of images, over their pixels too."""

    takes = "images"
    remedy = "use BatchNorm1d"
    axis = 1

    def matrix(self, x: Array) -> Array:
        return pixels_first(x).reshape(x.shape[1], -1)  # (C, M)


class LayerNorm(Normalization):
    """y = gamma x^ + beta, x^ = (x - mean) / sqrt(var + eps) over an example's units: Ba et al. 2016."""

    takes = "vectors"

    def __init__(self, eps: Epsilon = 1e-5) -> None:
        self.eps = eps

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        super().allocate(capacity, dtype)
        self.mean = Buffer(capacity, (1,), dtype)
        self.scale = Buffer(capacity, (1,), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        normal, y, mean, scale = self.normal(n), self.y(n), self.mean(n), self.scale(n)
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
        """Compute dx = (g - mean(g) - x^ mean(g x^)) / sqrt(var + eps) with g = gamma dy."""
        n = len(dy)
        normal, scratch, mean, scale = self.normal(n), self.y(n), self.mean(n), self.scale(n)
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
