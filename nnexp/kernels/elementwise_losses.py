"""Compiled losses that compare each output with a target of its own. B batch, O outputs.

z outputs, t targets, dz the gradient, each a vector (B*O,); the forward pass computes the gradient too.
"""

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.layers.input_activations import minus_abs
from nnexp.kernels.twins import twin_of
from nnexp.nn.losses.elementwise import (
    BinaryCrossEntropy,
    Elementwise,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
)
from nnexp.nn.parameters import Array


class WithGradient(Elementwise):
    """A loss whose `compare` writes the gradient of the mean."""

    def backward(self) -> Array:
        return self.dz[: self.n]


@kernel
def squared_error(z: Array, t: Array, dz: Array) -> float:
    """Return the sum of (z - t)^2; dz = 2 (z - t) / B O."""
    total = 0.0
    factor = z.dtype.type(2 / len(z))
    for i in range(len(z)):
        r = z[i] - t[i]
        total += r * r
        dz[i] = factor * r
    return total


@twin_of(MeanSquaredError)
class CompiledMeanSquaredError(WithGradient, MeanSquaredError):
    """Mean squared error in one loop."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        return float(squared_error(z.reshape(-1), t.reshape(-1), dz.reshape(-1)))


@kernel
def absolute_error(z: Array, t: Array, dz: Array) -> float:
    """Return the sum of |z - t|; dz = sign(z - t) / B O."""
    total = 0.0
    zero, share = z.dtype.type(0), z.dtype.type(1 / len(z))
    for i in range(len(z)):
        r = z[i] - t[i]
        total += abs(r)
        dz[i] = share if r > zero else (-share if r < zero else share * r)  # NaN stays
    return total


@twin_of(MeanAbsoluteError)
class CompiledMeanAbsoluteError(WithGradient, MeanAbsoluteError):
    """Mean absolute error in one loop."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        return float(absolute_error(z.reshape(-1), t.reshape(-1), dz.reshape(-1)))


@kernel
def huber(z: Array, t: Array, dz: Array, delta: float) -> float:
    """Return the sum of c (r - c / 2), r = z - t, c = r clipped to [-delta, delta]; dz = c / B O."""
    total = 0.0
    share, half = z.dtype.type(1 / len(z)), z.dtype.type(0.5)
    low, high = z.dtype.type(-delta), z.dtype.type(delta)
    for i in range(len(z)):
        r = z[i] - t[i]
        c = r
        if r < low:
            c = low
        if r > high:
            c = high
        total += c * (r - half * c)
        dz[i] = share * c
    return total


@twin_of(Huber)
class CompiledHuber(WithGradient, Huber):
    """Huber's loss in one loop."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        return float(huber(z.reshape(-1), t.reshape(-1), dz.reshape(-1), self.delta))


@kernel
def binary_cross_entropy(z: Array, t: Array, e: Array, dz: Array) -> float:
    """Return the sum of max(z, 0) - z t + log(1 + e), e = exp(-|z|), the logarithm in dz at first.

    dz = (s - t) / B O with s = 1 / (1 + exp(-z)).
    """
    total = 0.0
    zero, one, share = z.dtype.type(0), z.dtype.type(1), z.dtype.type(1 / len(z))
    for i in range(len(z)):
        above = z[i] > zero
        total += (z[i] if above else zero) - z[i] * t[i] + dz[i]
        dz[i] = share * ((one if above else e[i]) / (one + e[i]) - t[i])
    return total


@twin_of(BinaryCrossEntropy)
class CompiledBinaryCrossEntropy(WithGradient, BinaryCrossEntropy):
    """Binary cross-entropy with one exponential and one logarithm."""

    def compare(self, z: Array, t: Array, dz: Array, scratch: Array) -> float:
        minus_abs(z.reshape(-1), scratch.reshape(-1))
        np.exp(scratch, out=scratch)
        np.log1p(scratch, out=dz)
        vectors = (array.reshape(-1) for array in (z, t, scratch, dz))
        return float(binary_cross_entropy(*vectors))
