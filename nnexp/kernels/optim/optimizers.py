"""Compiled SGD, Momentum, Nesterov and Lion. theta weights, g gradients, v, m momentum, all (P,)."""

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.optim.vectors import Number, update
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.lion import Lion
from nnexp.optim.optimizers import SGD, Momentum, Nesterov


@kernel
def sgd(theta: Array, g: Array, decay: Number, lr: Number) -> None:
    """Update theta <- decay theta - lr g."""
    number = theta.dtype.type
    decay, lr = number(decay), number(lr)
    for i in range(len(theta)):
        theta[i] = decay * theta[i] - lr * g[i]


@twin_of(SGD)
class CompiledSGD(SGD):
    """SGD in one pass."""

    def step(self, scale: float = 1.0) -> None:
        update(self, sgd, scale, (), self.lr * scale)


@kernel
def momentum(theta: Array, g: Array, v: Array, decay: Number, mu: Number, lr: Number) -> None:
    """Update v <- mu v + g, theta <- decay theta - lr v."""
    number = theta.dtype.type
    decay, mu, lr = number(decay), number(mu), number(lr)
    for i in range(len(theta)):
        v_i = mu * v[i] + g[i]
        theta[i] = decay * theta[i] - lr * v_i
        v[i] = v_i


@twin_of(Momentum)
class CompiledMomentum(Momentum):
    """Momentum in one pass."""

    def step(self, scale: float = 1.0) -> None:
        update(self, momentum, scale, (self.v,), self.momentum, self.lr * scale)


@kernel
def nesterov(theta: Array, g: Array, v: Array, decay: Number, mu: Number, lr: Number) -> None:
    """Update v <- mu v + g, theta <- decay theta - lr (g + mu v)."""
    number = theta.dtype.type
    decay, mu, lr = number(decay), number(mu), number(lr)
    for i in range(len(theta)):
        v_i = mu * v[i] + g[i]
        theta[i] = decay * theta[i] - lr * (g[i] + mu * v_i)
        v[i] = v_i


@twin_of(Nesterov)
class CompiledNesterov(Nesterov):
    """Nesterov's momentum in one pass."""

    def step(self, scale: float = 1.0) -> None:
        update(self, nesterov, scale, (self.v,), self.momentum, self.lr * scale)


@kernel
def lion(theta: Array, g: Array, m: Array, decay: Number, ratio: Number, beta2: Number, lr: Number) -> None:
    """Update theta <- decay theta - lr sign(ratio m + g), m <- beta2 m + g."""
    number = theta.dtype.type
    decay, ratio, beta2, lr = number(decay), number(ratio), number(beta2), number(lr)
    for i in range(len(theta)):
        theta[i] = decay * theta[i] - lr * np.sign(ratio * m[i] + g[i])
        m[i] = beta2 * m[i] + g[i]


@twin_of(Lion)
class CompiledLion(Lion):
    """Lion in one pass."""

    def step(self, scale: float = 1.0) -> None:
        ratio = self.beta1 * (1 - self.beta2) / (1 - self.beta1)
        update(self, lion, scale, (self.m,), ratio, self.beta2, self.lr * scale)
