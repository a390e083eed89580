"""Compiled activations whose derivative is a function of their output.

x inputs, y outputs, dy their gradient, each a vector. NumPy's exp and tanh are vectorized and stay; what
surrounds them becomes one loop before and one behind.
"""

from typing import Any, ClassVar

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.layers.vectors import filled, lie_alike, vector
from nnexp.kernels.twins import twin_of
from nnexp.nn.activations.from_output import (
    ELU,
    SELU,
    FromOutput,
    HardTanh,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Tanh,
    _ScaledELU,
)
from nnexp.nn.parameters import Array


class OneLoop(FromOutput):
    """An activation whose backward pass is one loop, dy <- dy f'."""

    loop: ClassVar[Any]  # of (dy, y, *constants)

    @property
    def constants(self) -> tuple[float, ...]:
        """The numbers that f' depends on."""
        return ()

    def backward(self, dy: Array) -> Array:
        if not lie_alike(dy, self.y):
            return super().backward(dy)
        self.loop(vector(dy), vector(self.y), *self.constants)
        return dy


@kernel
def relu_forward(x: Array) -> None:
    """Compute x <- max(0, x); of NaN, NaN."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        x[i] = zero if x[i] <= zero else x[i]


@kernel
def relu_backward(dy: Array, y: Array) -> None:
    """Compute dy <- dy [y > 0]."""
    zero, one = dy.dtype.type(0), dy.dtype.type(1)
    for i in range(len(dy)):
        dy[i] *= one if y[i] > zero else zero


@twin_of(ReLU)
class CompiledReLU(OneLoop, ReLU):
    """ReLU with one loop backward."""

    loop = staticmethod(relu_backward)

    def apply(self, x: Array, out: Array) -> Array:
        relu_forward(filled(out, x))
        return out


@kernel
def leaky_relu_forward(x: Array, slope: float) -> None:
    """Compute x <- x where x > 0, else slope x."""
    zero, one, a = x.dtype.type(0), x.dtype.type(1), x.dtype.type(slope)
    for i in range(len(x)):
        x[i] *= one if x[i] > zero else a


@kernel
def leaky_relu_backward(dy: Array, y: Array, slope: float) -> None:
    """Compute dy <- dy where y > 0, else slope dy."""
    zero, one, a = dy.dtype.type(0), dy.dtype.type(1), dy.dtype.type(slope)
    for i in range(len(dy)):
        dy[i] *= one if y[i] > zero else a


@twin_of(LeakyReLU)
class CompiledLeakyReLU(OneLoop, LeakyReLU):
    """LeakyReLU with one loop each way."""

    loop = staticmethod(leaky_relu_backward)

    @property
    def constants(self) -> tuple[float, ...]:
        return (self.negative_slope,)

    def apply(self, x: Array, out: Array) -> Array:
        leaky_relu_forward(filled(out, x), self.negative_slope)
        return out


@kernel
def elu_forward(x: Array, bent: Array, scale: float, alpha: float) -> None:
    """Compute x <- scale x where x > 0, else scale alpha bent, bent = exp(min(x, 0)) - 1."""
    zero, above, below = x.dtype.type(0), x.dtype.type(scale), x.dtype.type(scale * alpha)
    for i in range(len(x)):
        x[i] = above * (x[i] if x[i] > zero else zero) + below * bent[i]


@kernel
def elu_backward(dy: Array, y: Array, scale: float, alpha: float) -> None:
    """Compute dy <- scale dy where y > 0, else (y + scale alpha) dy."""
    zero, above, below = dy.dtype.type(0), dy.dtype.type(scale), dy.dtype.type(scale * alpha)
    for i in range(len(dy)):
        dy[i] *= above if y[i] > zero else y[i] + below


class CompiledScaledELU(OneLoop, _ScaledELU):
    """One loop backward; forward, one behind the exponential."""

    loop = staticmethod(elu_backward)

    @property
    def constants(self) -> tuple[float, ...]:
        return self.scale, self.alpha

    def apply(self, x: Array, out: Array) -> Array:
        bent = self.slopes(len(x))
        if not lie_alike(bent, out):
            return super().apply(x, out)
        np.minimum(x, 0, out=bent)
        np.expm1(bent, out=bent)
        elu_forward(filled(out, x), vector(bent), *self.constants)
        return out


@twin_of(ELU)
class CompiledELU(CompiledScaledELU, ELU):
    """ELU in fewer passes."""


@twin_of(SELU)
class CompiledSELU(CompiledScaledELU, SELU):
    """SELU in fewer passes."""


@kernel
def tanh_backward(dy: Array, y: Array) -> None:
    """Compute dy <- dy (1 - y^2)."""
    one = dy.dtype.type(1)
    for i in range(len(dy)):
        dy[i] *= one - y[i] * y[i]


@twin_of(Tanh)
class CompiledTanh(OneLoop, Tanh):
    """Tanh with one loop backward."""

    loop = staticmethod(tanh_backward)


@kernel
def hard_tanh_backward(dy: Array, y: Array) -> None:
    """Compute dy <- dy [|y| < 1]."""
    zero, one = dy.dtype.type(0), dy.dtype.type(1)
    for i in range(len(dy)):
        dy[i] *= one if abs(y[i]) < one else zero


@twin_of(HardTanh)
class CompiledHardTanh(OneLoop, HardTanh):
    """Hard tanh with one loop backward."""

    loop = staticmethod(hard_tanh_backward)


@kernel
def sigmoid_of_tanh(y: Array) -> None:
    """Compute y <- (1 + y) / 2."""
    half = y.dtype.type(0.5)
    for i in range(len(y)):
        y[i] = half + half * y[i]


@kernel
def sigmoid_backward(dy: Array, y: Array) -> None:
    """Compute dy <- dy y (1 - y)."""
    one = dy.dtype.type(1)
    for i in range(len(dy)):
        dy[i] *= y[i] * (one - y[i])


@twin_of(Sigmoid)
class CompiledSigmoid(OneLoop, Sigmoid):
    """Sigmoid with one loop backward."""

    loop = staticmethod(sigmoid_backward)

    def apply(self, x: Array, out: Array) -> Array:
        np.multiply(x, 0.5, out=out)
        np.tanh(out, out=out)
        sigmoid_of_tanh(vector(out))
        return out
