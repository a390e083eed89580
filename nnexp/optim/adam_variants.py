"""Adam with one change: NAdam looks ahead, RAdam corrects a variance, Adamax takes a maximum, LAMB norms.

theta weights, g gradients, m and v moments as in adam.py (divided by 1 - beta), all (P,); t the step, from 1.
"""

from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge

from nnexp.nn.parameters import Array, Parameters
from nnexp.optim.adam import AdaptiveMoments
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import LearningRate


class NAdam(AdaptiveMoments):
    """Adam with Nesterov's momentum: Dozat 2016, algorithm 2, with PyTorch's schedule of the momentum.

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t;
    theta <- theta - lr [(1 - mu_t) / (1 - M_t) g + mu_{t+1} / (1 - M_{t+1}) m] / (sqrt(v^) + eps).
    """

    elementwise = True
    scratch = ("update", "root")
    lr: LearningRate = 5e-3
    momentum_decay: Annotated[float, Ge(0)] = 4e-3

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.root = parameters.new_vector()
        self.mu_product = 1.0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.update_m()
        self.update_v()
        g_factor, m_factor = self.factors()
        np.sqrt(self.v, out=self.root)
        self.root += self.eps / self.root_v_hat_scale
        np.multiply(self.m, m_factor / g_factor, out=self.update)
        self.update += self.g
        self.update /= self.root
        self.update *= self.lr * scale * g_factor / self.root_v_hat_scale
        self.theta -= self.update

    def factors(self) -> tuple[float, float]:
        """Return those of g and of m in step t, which is counted; update M_t."""
        mu = self.mu(self.t)
        mu_next = self.mu(self.t + 1)
        self.mu_product *= mu
        g_factor = (1 - mu) / (1 - self.mu_product)
        m_factor = (1 - self.beta1) * mu_next / (1 - self.mu_product * mu_next)
        return g_factor, m_factor

    def mu(self, t: int) -> float:
        """Return the momentum of step t, which rises from beta1 / 2 towards beta1."""
        return float(self.beta1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay)))


class RAdam(AdaptiveMoments):
    """Adam that divides by the root of v once it is reliable: Liu et al. 2020, algorithm 2.

    rho_inf = 2 / (1 - beta2) - 1, rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t). While rho_t <= 5: theta <-
    theta - lr m^; then theta <- theta - lr r_t m^ sqrt(1 - beta2^t) / (sqrt(v) + eps), with r_t^2 = (rho_t -
    4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t). As in PyTorch, eps is added before the
    correction of v.
    """

    elementwise = True
    lr: LearningRate = 5e-3

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.update_m()
        self.update_v()
        lr = self.lr * scale * (1 - self.beta1) / (1 - self.beta1**self.t)
        r = self.rectification()
        if r is None:
            np.multiply(self.m, lr, out=self.update)
        else:
            root = sqrt(1 - self.beta2)
            np.sqrt(self.v, out=self.update)
            self.update += self.eps / root
            np.divide(self.m, self.update, out=self.update)
            self.update *= lr * r * sqrt(1 - self.beta2**self.t) / root
        self.theta -= self.update

    def rectification(self) -> float | None:
        """Return r_t; None while rho_t <= 5."""
        rho_inf = 2 / (1 - self.beta2) - 1
        beta2_t = self.beta2**self.t
        rho = rho_inf - 2 * self.t * beta2_t / (1 - beta2_t)
        if rho <= 5:
            return None
        return sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


class Adamax(AdaptiveMoments):
    """v <- max(beta2 v, |g| + eps); theta <- theta - lr m^ / v: Kingma & Ba 2015, algorithm 2.

    Epsilon stands where PyTorch has it.
    """

    elementwise = True
    lr: LearningRate = 0.01

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.update_m()
        np.abs(self.g, out=self.update)
        self.update += self.eps
        self.v *= self.beta2
        np.maximum(self.v, self.update, out=self.v)
        np.divide(self.m, self.v, out=self.update)
        self.update *= self.lr * scale * (1 - self.beta1) / (1 - self.beta1**self.t)
        self.theta -= self.update


class LAMB(AdaptiveMoments):
    """u = m^ / (sqrt(v^) + eps) + lambda W; W <- W - lr |W| / |u| u: You et al. 2020, algorithm 2.

    Phi is the identity, and the trust ratio |W| / |u| is 1 where either is 0. Unlike elsewhere the weight
    decay lambda (matrices only, again) is an addend of u, as in the paper: the trust ratio sees it.
    """

    scratch = ("update", "layers", "decays")
    lr: LearningRate = 0.01
    eps: Epsilon = 1e-6

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        views = zip(parameters.views(self.theta), parameters.views(self.update), strict=True)
        self.layers = [(W.ravel(), u.ravel()) for W, u in views]
        self.decays = np.zeros_like(self.matrices)

    def step(self, scale: float = 1.0) -> None:
        step_factor = self.direction()
        self.update *= step_factor
        if self.weight_decay:
            np.multiply(self.matrices, self.weight_decay, out=self.decays)
            self.update[: len(self.decays)] += self.decays
        for W, u in self.layers:
            scale_by_trust_ratio(u, W, self.lr * scale)
        self.theta -= self.update


def scale_by_trust_ratio(u: Array, W: Array, lr: float) -> None:
    """Scale u to lr |W| / |u| u."""
    W_norm = sqrt(np.dot(W, W))
    u_norm = sqrt(np.dot(u, u))
    u *= lr * W_norm / u_norm if W_norm and u_norm else lr
