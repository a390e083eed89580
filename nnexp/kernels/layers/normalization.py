"""Compiled batch normalization. C channels, M numbers of each.

A variance takes a second pass, so that nothing cancels. BatchNorm1d has the channels as columns, (M, C), and
vectors (1, C); BatchNorm2d has them as rows, (C, M), and vectors (C, 1).
"""

from typing import Any, ClassVar

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of
from nnexp.nn.layers.normalization import BatchNorm, BatchNorm1d, BatchNorm2d
from nnexp.nn.parameters import Array

BLOCK = 1024  # numbers of a row that are summed in their own type


@kernel
def column_moments(x: Array, mean: Array, var: Array) -> None:
    """Write mean and variance of the columns of x (M, C)."""
    m, channels = x.shape
    share = x.dtype.type(1 / m)
    mean[:] = 0
    var[:] = 0
    for i in range(m):
        for j in range(channels):
            mean[0, j] += x[i, j]
    for j in range(channels):
        mean[0, j] *= share
    for i in range(m):
        for j in range(channels):
            d = x[i, j] - mean[0, j]
            var[0, j] += d * d
    for j in range(channels):
        var[0, j] *= share


@kernel
def normalize_columns(
    x: Array, mean: Array, scale: Array, gamma: Array, beta: Array, normal: Array, y: Array
) -> None:
    """Compute normal = (x - mean) scale, y = gamma normal + beta."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            normal[i, j] = (x[i, j] - mean[0, j]) * scale[0, j]
            y[i, j] = gamma[0, j] * normal[i, j] + beta[0, j]


@kernel
def columns_backward(
    dy: Array, normal: Array, scale: Array, gamma: Array, dgamma: Array, dbeta: Array, dx: Array
) -> None:
    """Compute dgamma, dbeta = sums of dy normal, dy over the batch, and dx.

    dx = gamma scale (dy - mean(dy) - normal mean(dy normal)).
    """
    m, channels = dy.shape
    share = dy.dtype.type(1 / m)
    dgamma[:] = 0
    dbeta[:] = 0
    for i in range(m):
        for j in range(channels):
            dgamma[0, j] += dy[i, j] * normal[i, j]
            dbeta[0, j] += dy[i, j]
    for i in range(m):
        for j in range(channels):
            d = dy[i, j] - share * dbeta[0, j] - normal[i, j] * (share * dgamma[0, j])
            dx[i, j] = gamma[0, j] * scale[0, j] * d


@kernel
def row_moments(x: Array, mean: Array, var: Array) -> None:
    """Write mean and variance of the rows of x (C, M)."""
    channels, m = x.shape
    for c in range(channels):
        total = 0.0
        for start in range(0, m, BLOCK):
            block = x[c, start : start + BLOCK]
            partial = x.dtype.type(0)
            for i in range(len(block)):
                partial += block[i]
            total += float(partial)
        center = x.dtype.type(total / m)
        squares = 0.0
        for start in range(0, m, BLOCK):
            block = x[c, start : start + BLOCK]
            partial = x.dtype.type(0)
            for i in range(len(block)):
                d = block[i] - center
                partial += d * d
            squares += float(partial)
        mean[c, 0] = center
        var[c, 0] = squares / m


@kernel
def normalize_rows(
    x: Array, mean: Array, scale: Array, gamma: Array, beta: Array, normal: Array, y: Array
) -> None:
    """Compute normal = (x - mean) scale, y = gamma normal + beta."""
    for c in range(x.shape[0]):
        center, factor, g, b = mean[c, 0], scale[c, 0], gamma[c, 0], beta[c, 0]
        for i in range(x.shape[1]):
            n = (x[c, i] - center) * factor
            normal[c, i] = n
            y[c, i] = g * n + b


@kernel
def rows_backward(
    dy: Array, normal: Array, scale: Array, gamma: Array, dgamma: Array, dbeta: Array, dx: Array
) -> None:
    """Compute dgamma, dbeta = sums of dy normal, dy over the batch, and dx.

    dx = gamma scale (dy - mean(dy) - normal mean(dy normal)).
    """
    channels, m = dy.shape
    for c in range(channels):
        sum_normal = sum_dy = 0.0
        for start in range(0, m, BLOCK):
            block, normal_block = dy[c, start : start + BLOCK], normal[c, start : start + BLOCK]
            partial_normal = partial_dy = dy.dtype.type(0)
            for i in range(len(block)):
                partial_normal += block[i] * normal_block[i]
                partial_dy += block[i]
            sum_normal += float(partial_normal)
            sum_dy += float(partial_dy)
        dgamma[c, 0] = sum_normal
        dbeta[c, 0] = sum_dy
        along, mean = dy.dtype.type(sum_normal / m), dy.dtype.type(sum_dy / m)
        factor = gamma[c, 0] * scale[c, 0]
        for i in range(m):
            dx[c, i] = factor * (dy[c, i] - mean - normal[c, i] * along)


class CompiledBatchNorm(BatchNorm):
    """Batch normalization in three passes forward and two backward."""

    moments: ClassVar[Any]
    normalize: ClassVar[Any]
    differentiate: ClassVar[Any]

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.y(len(x))
        x, normal, out = self.matrix(x), self.matrix(self.normal(len(x))), self.matrix(y)
        mean, var = self.running_mean, self.running_var
        if training:
            mean, var = self.mean, self.var
            self.moments(x, mean, var)
            self.update_running(x.shape[self.axis])
        np.divide(1, np.sqrt(var + self.eps), out=self.scale)
        self.normalize(x, mean, self.scale, self.gamma, self.beta, normal, out)
        return y

    def backward(self, dy: Array) -> Array:
        dx = self.y(len(dy))
        rows, normal, out = (self.matrix(array) for array in (dy, self.normal(len(dy)), dx))
        self.differentiate(rows, normal, self.scale, self.gamma, self.dgamma, self.dbeta, out)
        return dx


@twin_of(BatchNorm1d)
class CompiledBatchNorm1d(CompiledBatchNorm, BatchNorm1d):
    """Batch normalization of vectors."""

    moments = staticmethod(column_moments)
    normalize = staticmethod(normalize_columns)
    differentiate = staticmethod(columns_backward)


@twin_of(BatchNorm2d)
class CompiledBatchNorm2d(CompiledBatchNorm, BatchNorm2d):
    """Batch normalization of images."""

    moments = staticmethod(row_moments)
    normalize = staticmethod(normalize_rows)
    differentiate = staticmethod(rows_backward)
