"""Compiled NAdam, RAdam and Adamax. theta weights, g gradients, m and v moments as in optim/adam.py, (P,)."""

from math import sqrt

import numpy as np

from nnexp.kernels.jit import finite_kernel, kernel
from nnexp.kernels.optim.adam import adam
from nnexp.kernels.optim.vectors import Number, quotient, update
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.adam_variants import Adamax, NAdam, RAdam


@finite_kernel
def nadam(
    theta: Array,
    g: Array,
    m: Array,
    v: Array,
    decay: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    ratio: Number,
    lr: Number,
) -> None:
    """Update as in Adam, with ratio m + g in the place of m."""
    number = theta.dtype.type
    decay, beta1, beta2, eps, ratio, lr = (
        number(decay),
        number(beta1),
        number(beta2),
        number(eps),
        number(ratio),
        number(lr),
    )
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        m_i = beta1 * m[i] + g[i]
        v_i = beta2 * v[i] + g[i] * g[i]
        theta[i] = decay * theta[i] - lr * quotient(ratio * m_i + g[i], np.sqrt(v_i) + eps, limit)
        m[i] = m_i
        v[i] = v_i


@twin_of(NAdam)
class CompiledNAdam(NAdam):
    """NAdam in one pass."""

    def step(self, scale: float = 1.0) -> None:
        share = self.start_step()
        g_factor, m_factor = self.factors()
        root = self.root_v_hat_scale
        lr = self.lr * scale * g_factor / root
        values = (share, self.beta2, self.eps / root, m_factor / g_factor, lr)
        update(self, nadam, scale, (self.m, self.v), *values)


@kernel
def momentum_and_v(
    theta: Array, g: Array, m: Array, v: Array, decay: Number, beta1: Number, beta2: Number, lr: Number
) -> None:
    """Update m <- beta1 m + g, v <- beta2 v + g^2, theta <- decay theta - lr m."""
    number = theta.dtype.type
    decay, beta1, beta2, lr = number(decay), number(beta1), number(beta2), number(lr)
    for i in range(len(theta)):
        m_i = beta1 * m[i] + g[i]
        v[i] = beta2 * v[i] + g[i] * g[i]
        theta[i] = decay * theta[i] - lr * m_i
        m[i] = m_i


@twin_of(RAdam)
class CompiledRAdam(RAdam):
    """RAdam in one pass."""

    def step(self, scale: float = 1.0) -> None:
        share = self.start_step()
        r = self.rectification()
        lr = self.lr * scale * self.m_hat_scale
        state = (self.m, self.v)
        if r is None:
            update(self, momentum_and_v, scale, state, share, self.beta2, lr)
        else:
            root = sqrt(1 - self.beta2)
            lr *= r * sqrt(1 - self.beta2**self.t) / root
            update(self, adam, scale, state, share, self.beta2, self.eps / root, lr)


@finite_kernel
def adamax(
    theta: Array,
    g: Array,
    m: Array,
    v: Array,
    decay: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    lr: Number,
) -> None:
    """Update m <- beta1 m + g, v <- max(beta2 v, |g| + eps), theta <- decay theta - lr m / v."""
    number = theta.dtype.type
    decay, beta1, beta2, eps, lr = number(decay), number(beta1), number(beta2), number(eps), number(lr)
    for i in range(len(theta)):
        m_i = beta1 * m[i] + g[i]
        faded = beta2 * v[i]
        size = abs(g[i]) + eps
        v_i = faded if faded > size else size
        theta[i] = decay * theta[i] - lr * m_i / v_i
        m[i] = m_i
        v[i] = v_i


@twin_of(Adamax)
class CompiledAdamax(Adamax):
    """Adamax in one pass."""

    def step(self, scale: float = 1.0) -> None:
        share = self.start_step()
        values = (share, self.beta2, self.eps, self.lr * scale * self.m_hat_scale)
        update(self, adamax, scale, (self.m, self.v), *values)
