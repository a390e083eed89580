"""Compiled Adagrad, Adadelta and RMSprop. theta weights, g gradients, v sums or means of squares, (P,)."""

from math import sqrt

import numpy as np

from nnexp.kernels.jit import finite_kernel
from nnexp.kernels.optim.vectors import Number, quotient, update
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.adaptive import Adadelta, Adagrad, RMSprop


@finite_kernel
def divide_by_root(
    theta: Array, g: Array, v: Array, decay: Number, alpha: Number, eps: Number, lr: Number
) -> None:
    """Update v <- alpha v + g^2, theta <- decay theta - lr g / (sqrt(v) + eps)."""
    number = theta.dtype.type
    decay, alpha, eps, lr = number(decay), number(alpha), number(eps), number(lr)
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        v_i = alpha * v[i] + g[i] * g[i]
        theta[i] = decay * theta[i] - lr * quotient(g[i], np.sqrt(v_i) + eps, limit)
        v[i] = v_i


@twin_of(Adagrad)
class CompiledAdagrad(Adagrad):
    """Adagrad in one pass."""

    def step(self, scale: float = 1.0) -> None:
        values = (1.0, self.eps, self.lr * scale / (1 + self.t * self.lr_decay))
        update(self, divide_by_root, scale, (self.v,), *values)
        self.t += 1


@finite_kernel
def adadelta(
    theta: Array, g: Array, u: Array, v: Array, d: Array, decay: Number, rho: Number, eps: Number, lr: Number
) -> None:
    """Update v <- rho v + g^2, d <- sqrt((u + eps) / (v + eps)) g, u <- rho u + d^2, then theta."""
    number = theta.dtype.type
    decay, rho, eps, lr = number(decay), number(rho), number(eps), number(lr)
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        v_i = rho * v[i] + g[i] * g[i]
        d_i = np.sqrt(quotient(u[i] + eps, v_i + eps, limit)) * g[i]
        theta[i] = decay * theta[i] - lr * d_i
        u[i] = rho * u[i] + d_i * d_i
        v[i] = v_i
        d[i] = d_i


@twin_of(Adadelta)
class CompiledAdadelta(Adadelta):
    """Adadelta in one pass."""

    def step(self, scale: float = 1.0) -> None:
        values = (self.rho, self.eps / (1 - self.rho), self.lr * scale)
        update(self, adadelta, scale, (self.u, self.v, self.d), *values)


@finite_kernel
def rmsprop(
    theta: Array,
    g: Array,
    v: Array,
    mean: Array,
    b: Array,
    decay: Number,
    alpha: Number,
    rest: Number,
    eps: Number,
    mu: Number,
    lr: Number,
    centered: bool,
) -> None:
    """Update as in RMSprop with a momentum mu in b, unused where mu is 0, or centered, or both.

    `rest` is 1 - alpha.
    """
    number = theta.dtype.type
    decay, alpha, rest, eps, mu, lr = (
        number(decay),
        number(alpha),
        number(rest),
        number(eps),
        number(mu),
        number(lr),
    )
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        v_i = alpha * v[i] + g[i] * g[i]
        variance = v_i
        if centered:
            mean_i = alpha * mean[i] + g[i]
            variance -= rest * mean_i * mean_i
            mean[i] = mean_i
        q = quotient(g[i], np.sqrt(variance) + eps, limit)
        if mu:
            q += mu * b[i]
            b[i] = q
        theta[i] = decay * theta[i] - lr * q
        v[i] = v_i


@twin_of(RMSprop)
class CompiledRMSprop(RMSprop):
    """RMSprop in one pass."""

    def step(self, scale: float = 1.0) -> None:
        root = sqrt(1 - self.alpha)
        eps = self.eps / root
        lr = self.lr * scale / root
        if self.momentum or self.centered:
            values = (self.alpha, 1 - self.alpha, eps, self.momentum, lr, self.centered)
            update(self, rmsprop, scale, (self.v, self.mean, self.b), *values)
        else:
            update(self, divide_by_root, scale, (self.v,), self.alpha, eps, lr)
