"""Lion: every weight moves by the same amount; momentum and gradient together only choose the sign.

theta weights, g gradients, m momentum, all (P,).
"""

from collections.abc import Sequence

import numpy as np

from nnexp.optim.optimizers import Array, Decay, LearningRate, Optimizer, Shape, WeightDecay


class Lion(Optimizer):
    """theta <- theta - lr sign(beta1 m + (1 - beta1) g); m <- beta2 m + (1 - beta2) g: Chen et al. 2023, algorithm 2.

    m is kept divided by (1 - beta2); a sign does not change when its argument is divided by (1 - beta1) > 0.

    Args:
        lr: the learning rate: the paper takes a third to a tenth of Adam's, and a weight decay that much larger.
        beta1: the momentum's share in the sign.
        beta2: the share of m that stays.
        weight_decay: decoupled, matrices only.
    """

    def __init__(
        self,
        lr: LearningRate = 3e-4,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay)
        self.beta1, self.beta2 = beta1, beta2

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        self.m = np.zeros_like(theta)

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.multiply(self.m, self.beta1 * (1 - self.beta2) / (1 - self.beta1), out=self.update)
        self.update += self.g
        np.sign(self.update, out=self.update)
        self.update *= self.lr * scale
        self.theta -= self.update
        self.m *= self.beta2
        self.m += self.g
