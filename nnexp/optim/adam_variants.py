"""Adam with one thing changed: NAdam looks ahead, RAdam waits for its variance, Adamax divides by a maximum.

theta weights, g gradients, m and v moments as in adam.py (divided by 1 - beta), all (P,); t counts steps from 1.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge

from nnexp.optim.adam import Adam
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Array, Decay, LearningRate, Shape, WeightDecay


class NAdam(Adam):
    """Adam with Nesterov's momentum: Dozat 2016, algorithm 2, with PyTorch's schedule of the momentum.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t;
    theta <- theta - lr [(1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m] / (sqrt(v^) + eps).
    """

    def __init__(
        self,
        lr: LearningRate = 5e-3,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        momentum_decay: Annotated[float, Ge(0)] = 4e-3,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, weight_decay=weight_decay)
        self.momentum_decay = momentum_decay

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        self.root = np.zeros_like(theta)  # scratch
        self.mu_product = 1.0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.first_moment()
        self.second_moment()
        mu, mu_next = self.mu(self.t), self.mu(self.t + 1)
        self.mu_product *= mu
        of_g = (1 - mu) / (1 - self.mu_product)
        of_m = (1 - self.beta1) * mu_next / (1 - self.mu_product * mu_next)
        to_root_v_hat = sqrt((1 - self.beta2) / (1 - self.beta2**self.t))
        np.sqrt(self.v, out=self.root)
        self.root += self.eps / to_root_v_hat
        np.multiply(self.m, of_m / of_g, out=self.update)
        self.update += self.g
        self.update /= self.root
        self.update *= self.lr * scale * of_g / to_root_v_hat
        self.theta -= self.update

    def mu(self, t: int) -> float:
        """The momentum of step t: rises from beta1 / 2 towards beta1."""
        return float(self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))


class RAdam(Adam):
    """Adam that divides by the root of v only once enough gradients make it trustworthy: Liu et al. 2020, algorithm 2.

    rho_inf = 2 / (1 - beta2) - 1, rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t). While rho_t <= 5: theta <- theta - lr m^;
    then theta <- theta - lr r_t m^ sqrt(1 - beta2^t) / (sqrt(v) + eps), with
    r_t^2 = (rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t). As in PyTorch, eps is added before the
    correction of v.
    """

    def __init__(
        self,
        lr: LearningRate = 5e-3,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, weight_decay=weight_decay)

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.first_moment()
        self.second_moment()
        lr = self.lr * scale * (1 - self.beta1) / (1 - self.beta1**self.t)
        rho_inf = 2 / (1 - self.beta2) - 1
        beta2_t = self.beta2**self.t
        rho = rho_inf - 2 * self.t * beta2_t / (1 - beta2_t)
        if rho > 5:
            r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            root = sqrt(1 - self.beta2)
            np.sqrt(self.v, out=self.update)
            self.update += self.eps / root
            np.divide(self.m, self.update, out=self.update)
            self.update *= lr * r * sqrt(1 - beta2_t) / root
        else:
            np.multiply(self.m, lr, out=self.update)
        self.theta -= self.update


class Adamax(Adam):
    """v <- max(beta2 v, |g| + eps); theta <- theta - lr m^ / v: Kingma & Ba 2015, algorithm 2; eps is PyTorch's."""

    def __init__(
        self,
        lr: LearningRate = 0.01,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, weight_decay=weight_decay)

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.first_moment()
        np.abs(self.g, out=self.update)
        self.update += self.eps
        self.v *= self.beta2
        np.maximum(self.v, self.update, out=self.v)
        np.divide(self.m, self.v, out=self.update)
        self.update *= self.lr * scale * (1 - self.beta1) / (1 - self.beta1**self.t)
        self.theta -= self.update
