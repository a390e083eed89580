"""Compiled Adam, AdamW and LAMB. theta weights, g gradients, m and v moments as in optim/adam.py, (P,)."""

import numpy as np

from nnexp.kernels.jit import finite_kernel
from nnexp.kernels.optim.vectors import Number, quotient, update
from nnexp.kernels.twins import twin_of
from nnexp.nn.parameters import Array
from nnexp.optim.adam import Adam, AdamW, AdaptiveMoments
from nnexp.optim.adam_variants import LAMB


@finite_kernel
def adam(
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
    """Update m <- beta1 m + g, v <- beta2 v + g^2, theta <- decay theta - lr m / (sqrt(v) + eps)."""
    number = theta.dtype.type
    decay, beta1, beta2, eps, lr = number(decay), number(beta1), number(beta2), number(eps), number(lr)
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        m_i = beta1 * m[i] + g[i]
        v_i = beta2 * v[i] + g[i] * g[i]
        theta[i] = decay * theta[i] - lr * quotient(m_i, np.sqrt(v_i) + eps, limit)
        m[i] = m_i
        v[i] = v_i


@finite_kernel
def amsgrad(
    theta: Array,
    g: Array,
    m: Array,
    v: Array,
    v_max: Array,
    decay: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    lr: Number,
) -> None:
    """Update as in Adam, with v_max <- max(v_max, v) in v's place."""
    number = theta.dtype.type
    decay, beta1, beta2, eps, lr = number(decay), number(beta1), number(beta2), number(eps), number(lr)
    limit = np.finfo(theta.dtype).max
    for i in range(len(theta)):
        m_i = beta1 * m[i] + g[i]
        v_i = beta2 * v[i] + g[i] * g[i]
        largest = v_max[i] if v_max[i] > v_i else v_i
        theta[i] = decay * theta[i] - lr * quotient(m_i, np.sqrt(largest) + eps, limit)
        m[i] = m_i
        v[i] = v_i
        v_max[i] = largest


def adam_step(optimizer: AdaptiveMoments, scale: float) -> None:
    """Make a step of Adam."""
    share = optimizer.start_step()
    root = optimizer.root_v_hat_scale
    lr = optimizer.lr * scale * (optimizer.m_hat_scale / root)
    values = (share, optimizer.beta2, optimizer.eps / root, lr)
    moments = (optimizer.m, optimizer.v)
    if optimizer.amsgrad:
        update(optimizer, amsgrad, scale, (*moments, optimizer.v_max), *values)
    else:
        update(optimizer, adam, scale, moments, *values)


@twin_of(Adam)
class CompiledAdam(Adam):
    """Adam in one pass."""

    def step(self, scale: float = 1.0) -> None:
        adam_step(self, scale)


@twin_of(AdamW)
class CompiledAdamW(AdamW):
    """AdamW in one pass."""

    def step(self, scale: float = 1.0) -> None:
        adam_step(self, scale)


@finite_kernel
def adam_direction(
    update: Array, g: Array, m: Array, v: Array, beta1: Number, beta2: Number, eps: Number
) -> None:
    """Update m <- beta1 m + g, v <- beta2 v + g^2, update <- m / (sqrt(v) + eps)."""
    number = update.dtype.type
    beta1, beta2, eps = number(beta1), number(beta2), number(eps)
    limit = np.finfo(update.dtype).max
    for i in range(len(update)):
        m_i = beta1 * m[i] + g[i]
        v_i = beta2 * v[i] + g[i] * g[i]
        update[i] = quotient(m_i, np.sqrt(v_i) + eps, limit)
        m[i] = m_i
        v[i] = v_i


@twin_of(LAMB)
class CompiledLAMB(LAMB):
    """LAMB whose direction takes one pass."""

    def direction(self) -> float:
        share = self.start_step()
        root = self.root_v_hat_scale
        values = (share, self.beta2, self.eps / root)
        adam_direction(self.update, self.g, self.m, self.v, *values)
        return self.m_hat_scale / root
