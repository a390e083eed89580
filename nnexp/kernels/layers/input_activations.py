"""Compiled activations whose derivative is a function of their input.

x inputs, y outputs, dydx their slope, each a vector. NumPy's exp and tanh are vectorized and stay.
"""

from math import pi, sqrt

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.layers.vectors import lie_alike, vector
from nnexp.kernels.twins import twin_of
from nnexp.nn.activations.from_input import GELU, Mish, PReLU, SiLU
from nnexp.nn.parameters import Array

ROOT = sqrt(2 / pi)
CUBE = 0.044715 * ROOT
BLOCK = 1024  # numbers that are summed in their own type


@kernel
def gelu_start(x: Array, u: Array) -> None:
    """Compute u = sqrt(2 / pi) (x + 0.044715 x^3)."""
    root, cube = x.dtype.type(ROOT), x.dtype.type(CUBE)
    for i in range(len(x)):
        u[i] = x[i] * (root + cube * x[i] * x[i])


@kernel
def gelu_end(x: Array, t: Array, dydx: Array) -> None:
    """Compute t <- y = x (1 + t) / 2 with t = tanh u; 2 y' = 1 + t + x (1 - t^2) u'."""
    half, one = x.dtype.type(0.5), x.dtype.type(1)
    root, cube = x.dtype.type(ROOT), x.dtype.type(3 * CUBE)
    for i in range(len(x)):
        du = root + cube * x[i] * x[i]
        dydx[i] = half * (one + t[i] + x[i] * (one - t[i] * t[i]) * du)
        t[i] = half * x[i] * (one + t[i])


@kernel
def normal_start(x: Array, u: Array) -> None:
    """Compute u = -x^2 / 2."""
    half = x.dtype.type(-0.5)
    for i in range(len(x)):
        u[i] = half * x[i] * x[i]


@kernel
def normal_end(x: Array, e: Array, y: Array) -> None:
    """Compute y = x P(X <= x), e <- y' = P + x e / sqrt(2 pi) with e = exp(-x^2 / 2).

    P(X > |x|) = e (c1 t + ... + c5 t^5), t = 1 / (1 + k |x|), to 7.5e-8, float32's rounding error:
    Abramowitz & Stegun 1964, 26.2.17.
    """
    one, k, c = x.dtype.type(1), x.dtype.type(0.2316419), x.dtype.type(1 / sqrt(2 * pi))
    c1, c2, c3 = x.dtype.type(0.127414796), x.dtype.type(-0.142248368), x.dtype.type(0.7107068705)
    c4, c5 = x.dtype.type(-0.7265760135), x.dtype.type(0.5307027145)
    for i in range(len(x)):
        t = one / (one + k * abs(x[i]))
        tail = e[i] * t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5))))
        p = one - tail if x[i] > 0 else tail
        y[i] = x[i] * p
        e[i] = p + x[i] * e[i] * c


@twin_of(GELU)
class CompiledGELU(GELU):
    """GELU with one loop before the exponential, or tanh, and one behind; in float64 P is SciPy's."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if self.approximate == "tanh" or x.dtype != np.float32 or not lie_alike(x, y, slope):
            super().apply(x, y, slope, scratch)
            return
        normal_start(vector(x), vector(slope))
        np.exp(slope, out=slope)
        normal_end(vector(x), vector(slope), vector(y))

    def apply_tanh(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if not lie_alike(x, y, slope):
            super().apply_tanh(x, y, slope, scratch)
            return
        gelu_start(vector(x), vector(y))
        np.tanh(y, out=y)
        gelu_end(vector(x), vector(y), vector(slope))


@kernel
def silu_end(x: Array, t: Array, y: Array, dydx: Array) -> None:
    """Compute y = x s, y' = s + y (1 - s) with s = (1 + t) / 2, t = tanh(x / 2)."""
    half, one = x.dtype.type(0.5), x.dtype.type(1)
    for i in range(len(x)):
        s = half + half * t[i]
        y[i] = x[i] * s
        dydx[i] = s + y[i] * (one - s)


@twin_of(SiLU)
class CompiledSiLU(SiLU):
    """SiLU with one loop behind the tanh."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if not lie_alike(x, y, slope):
            super().apply(x, y, slope, scratch)
            return
        np.multiply(x, 0.5, out=scratch)
        np.tanh(scratch, out=scratch)
        silu_end(vector(x), vector(scratch), vector(y), vector(slope))


@kernel
def minus_abs(x: Array, y: Array) -> None:
    """Compute y = -|x|."""
    for i in range(len(x)):
        y[i] = -abs(x[i])


@kernel
def mish_end(x: Array, e: Array, y: Array, dydx: Array) -> None:
    """Compute y = x t, y' = t + x (1 - t^2) s with e = exp(-|x|).

    t = tanh(log(1 + exp x)) = (a^2 - 1) / (a^2 + 1) with a = 1 + exp x, and s = 1 / (1 + exp(-x)), both
    times e or e^2 above and below the line where x > 0, so that nothing overflows.
    """
    zero, one, two = x.dtype.type(0), x.dtype.type(1), x.dtype.type(2)
    for i in range(len(x)):
        above = x[i] > zero
        w = one + two * e[i] if above else e[i] * (e[i] + two)
        v = two * e[i] * e[i] if above else two
        t = w / (w + v)
        s = (one if above else e[i]) / (one + e[i])
        y[i] = x[i] * t
        dydx[i] = t + x[i] * (one - t * t) * s


@twin_of(Mish)
class CompiledMish(Mish):
    """Mish from one exponential."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if not lie_alike(x, y, slope):
            super().apply(x, y, slope, scratch)
            return
        minus_abs(vector(x), vector(scratch))
        np.exp(scratch, out=scratch)
        mish_end(vector(x), vector(scratch), vector(y), vector(slope))


@kernel
def prelu_forward(x: Array, a: Array, y: Array, negative: Array) -> None:
    """Compute y = x where x > 0, else a x; negative = min(x, 0)."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        negative[i] = zero if x[i] > zero else x[i]
        y[i] = (x[i] if x[i] > zero else zero) + a[0] * negative[i]


@kernel
def prelu_backward(dy: Array, a: Array, negative: Array) -> float:
    """Compute dy <- dy where x > 0, else a dy; da = sum of min(x, 0) dy."""
    zero, one, slope = dy.dtype.type(0), dy.dtype.type(1), a[0]
    total = 0.0
    for start in range(0, len(dy), BLOCK):
        block, bent = dy[start : start + BLOCK], negative[start : start + BLOCK]
        partial = zero
        for i in range(len(block)):
            partial += bent[i] * block[i]
        for i in range(len(block)):
            block[i] *= slope if bent[i] < zero else one
        total += float(partial)
    return total


@twin_of(PReLU)
class CompiledPReLU(PReLU):
    """PReLU with one loop each way."""

    def apply(self, x: Array, y: Array, slope: Array, scratch: Array) -> None:
        if not lie_alike(x, y, scratch):
            np.copyto(slope, x)
            x = slope
        prelu_forward(vector(x), self.a, vector(y), vector(scratch))

    def backward(self, dy: Array) -> Array:
        negative = self.scratch(len(dy))
        if not lie_alike(dy, negative):
            np.copyto(self.slopes(len(dy)), dy)
            dy = self.slopes(len(dy))
        self.da[0] = prelu_backward(vector(dy), self.a, vector(negative))
        return dy
