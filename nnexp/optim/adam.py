"""Adam and AdamW: a mean of the gradients divided by the root of a mean of their squares.

theta weights, g gradients, m and v their first and second moments, all (P,); m^, v^ moments corrected for their start at 0.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Array, Decay, LearningRate, Optimizer, Shape, WeightDecay


class Adam(Optimizer):
    """theta <- theta - lr m^ / (sqrt(v^) + eps): Kingma & Ba 2015, algorithm 1.

    The paper's m and v are kept divided by (1 - beta1) and (1 - beta2): m <- beta1 m + g, v <- beta2 v + g^2. The two
    factors go into the learning rate and epsilon, which saves two passes over all weights in every step.

    Args:
        lr: the learning rate.
        beta1: the share of m that stays; also called `momentum`.
        beta2: the share of v that stays.
        eps: added to the corrected root.
        amsgrad: divide by the largest v so far: Reddi et al. 2018, algorithm 2.
        weight_decay: decoupled, matrices only.
    """

    def __init__(
        self,
        lr: LearningRate = 7e-3,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        amsgrad: bool = False,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay)
        self.beta1, self.beta2, self.eps, self.amsgrad = beta1, beta2, eps, amsgrad

    @property
    def momentum(self) -> float:
        """beta1."""
        return self.beta1

    @momentum.setter
    def momentum(self, value: float) -> None:
        self.beta1 = value

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        self.m, self.v = np.zeros_like(theta), np.zeros_like(theta)
        self.m_divisor = 1 - self.beta1
        if self.amsgrad:
            self.v_max = np.zeros_like(theta)
        self.t = 0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        to_direction = self.direction()
        self.update *= self.lr * scale * to_direction
        self.theta -= self.update

    def direction(self) -> float:
        """Take g into the moments and fill `update`: update times the returned factor is m^ / (sqrt(v^) + eps)."""
        self.first_moment()
        self.second_moment()
        to_m_hat = (1 - self.beta1) / (1 - self.beta1**self.t)
        to_root_v_hat = sqrt((1 - self.beta2) / (1 - self.beta2**self.t))
        v = self.v
        if self.amsgrad:
            v = np.maximum(self.v_max, self.v, out=self.v_max)
        np.sqrt(v, out=self.update)
        self.update += self.eps / to_root_v_hat
        np.divide(self.m, self.update, out=self.update)
        return to_m_hat / to_root_v_hat

    def first_moment(self) -> None:
        """Take g into m: beta1 m + g, m first brought to today's divisor, as a schedule may have changed beta1 since the last step."""
        self.t += 1
        self.m *= self.beta1 * (self.m_divisor / (1 - self.beta1))
        self.m += self.g
        self.m_divisor = 1 - self.beta1

    def second_moment(self) -> None:
        """Take g into v: beta2 v + g^2."""
        np.multiply(self.g, self.g, out=self.update)
        self.v *= self.beta2
        self.v += self.update


class AdamW(Adam):
    """Adam whose weight decay is on by default: Loshchilov & Hutter 2019, algorithm 2."""

    def __init__(
        self,
        lr: LearningRate = 5e-3,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        amsgrad: bool = False,
        weight_decay: WeightDecay = 0.01,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, amsgrad, weight_decay)
