"""Adam, AdamW and the parent of their relatives: a mean of gradients over the root of their mean square.

theta weights, g gradients, m and v their first and second moments, all (P,); m^, v^ moments corrected for
their start at 0; t counts steps from 1.
"""

from dataclasses import field
from math import sqrt

import numpy as np

from nnexp.nn.parameters import Parameters
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Beta, LearningRate, Optimizer, WeightDecay


class AdaptiveMoments(Optimizer):
    """Moments m and v of the gradient, and Adam's direction: Kingma & Ba 2015, algorithm 1.

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        m^ = m / (1 - beta1^t); v^ = v / (1 - beta2^t)
        direction = m^ / (sqrt(v^) + eps)

    Here m is kept divided by (1 - beta1) and v by (1 - beta2): m <- beta1 m + g, v <- beta2 v + g^2. The two
    factors go into the learning rate and epsilon, which saves two passes over all weights in every step.
    """

    beta1: Beta = 0.9  # the share of m that stays; also called `momentum`
    beta2: Beta = 0.99  # the share of v that stays
    eps: Epsilon = 1e-8  # added to the corrected root
    amsgrad: bool = field(
        default=False, init=False
    )  # use the largest v so far: Reddi et al. 2018, algorithm 2

    @property
    def momentum(self) -> float:
        """beta1."""
        return self.beta1

    @momentum.setter
    def momentum(self, value: float) -> None:
        self.beta1 = value

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.m = parameters.new_vector()
        self.v = parameters.new_vector()
        self.m_divisor = 1 - self.beta1
        self.v_max = parameters.new_vector() if self.amsgrad else self.v[:0]
        self.t = 0

    def start_step(self) -> float:
        """Count a step; return the share of m that stays; its divisor is that of the last beta1."""
        self.t += 1
        share = self.beta1 * (self.m_divisor / (1 - self.beta1))
        self.m_divisor = 1 - self.beta1
        return share

    def update_m(self) -> None:
        """Update m to beta1 m + g, with a new divisor if a schedule changed beta1."""
        self.m *= self.start_step()
        self.m += self.g

    def update_v(self) -> None:
        """Update v to beta2 v + g^2."""
        np.multiply(self.g, self.g, out=self.update)
        self.v *= self.beta2
        self.v += self.update

    @property
    def m_hat_scale(self) -> float:
        """m^ / m."""
        return (1 - self.beta1) / (1 - self.beta1**self.t)

    @property
    def root_v_hat_scale(self) -> float:
        """sqrt(v^) / sqrt(v)."""
        return sqrt((1 - self.beta2) / (1 - self.beta2**self.t))

    def direction(self) -> float:
        """Update m and v, fill `update`; times the returned step factor it is m^ / (sqrt(v^) + eps)."""
        self.update_m()
        self.update_v()
        v = np.maximum(self.v_max, self.v, out=self.v_max) if self.amsgrad else self.v
        np.sqrt(v, out=self.update)
        self.update += self.eps / self.root_v_hat_scale
        np.divide(self.m, self.update, out=self.update)
        return self.m_hat_scale / self.root_v_hat_scale

    def adam_step(self, scale: float) -> None:
        """Update theta to theta - lr m^ / (sqrt(v^) + eps), after weight decay."""
        self.decay(scale)
        step_factor = self.direction()
        self.update *= self.lr * scale * step_factor
        self.theta -= self.update


class Adam(AdaptiveMoments):
    """theta <- theta - lr m^ / (sqrt(v^) + eps): Kingma & Ba 2015, algorithm 1."""

    elementwise = True
    lr: LearningRate = 7e-3
    amsgrad: bool = False

    def step(self, scale: float = 1.0) -> None:
        self.adam_step(scale)


class AdamW(AdaptiveMoments):
    """Adam whose weight decay is on by default: Loshchilov & Hutter 2019, algorithm 2."""

    elementwise = True
    lr: LearningRate = 5e-3
    amsgrad: bool = False
    weight_decay: WeightDecay = 0.01

    def step(self, scale: float = 1.0) -> None:
        self.adam_step(scale)
