"""Compiled layer normalization, an example at a time. B batch, O units."""

from math import sqrt

from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.layers.normalization import LayerNorm
from nnexp.nn.parameters import Array


@kernel
def normalize_examples(
    x: Array, gamma: Array, beta: Array, eps: float, scale: Array, normal: Array, y: Array
) -> None:
    """Compute normal = (x - mean) scale with scale = 1 / sqrt(var + eps), y = gamma normal + beta."""
    n, units = x.shape
    for i in range(n):
        total = x.dtype.type(0)
        for j in range(units):
            total += x[i, j]
        mean = x.dtype.type(total / units)
        squares = x.dtype.type(0)
        for j in range(units):
            d = x[i, j] - mean
            squares += d * d
        factor = x.dtype.type(1 / sqrt(squares / units + eps))
        scale[i, 0] = factor
        for j in range(units):
            normal[i, j] = (x[i, j] - mean) * factor
            y[i, j] = gamma[j] * normal[i, j] + beta[j]


@kernel
def examples_backward(
    dy: Array, normal: Array, scale: Array, gamma: Array, dgamma: Array, dbeta: Array
) -> None:
    """Compute dgamma, dbeta = sums of dy normal, dy over the batch, and dx in the place of dy.

    dx = (g - mean(g) - normal mean(g normal)) scale, g = gamma dy.
    """
    n, units = dy.shape
    dgamma[:] = 0
    dbeta[:] = 0
    for i in range(n):
        sum_g = sum_normal = dy.dtype.type(0)
        for j in range(units):
            dgamma[j] += dy[i, j] * normal[i, j]
            dbeta[j] += dy[i, j]
            g = gamma[j] * dy[i, j]
            sum_g += g
            sum_normal += g * normal[i, j]
        mean, along = dy.dtype.type(sum_g / units), dy.dtype.type(sum_normal / units)
        for j in range(units):
            dy[i, j] = (gamma[j] * dy[i, j] - mean - normal[i, j] * along) * scale[i, 0]


@twin_of(LayerNorm)
class CompiledLayerNorm(LayerNorm):
    """Layer normalization with one pass over memory each way."""

    def forward(self, x: Array, training: bool = False) -> Array:
        n = len(x)
        y = self.y(n)
        normalize_examples(x, self.gamma, self.beta, self.eps, self.scale(n), self.normal(n), y)
        return y

    def backward(self, dy: Array) -> Array:
        n = len(dy)
        examples_backward(dy, self.normal(n), self.scale(n), self.gamma, self.dgamma, self.dbeta)
        return dy
