"""LAMB: Adam's direction, with a length for each parameter that is a share of that parameter's own length.

theta weights, (P,); W one parameter of them and u its update, views.
"""

from collections.abc import Sequence
from math import prod, sqrt

import numpy as np

from nnexp.optim.adam import Adam
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Array, Decay, LearningRate, Shape, WeightDecay


class LAMB(Adam):
    """u = m^ / (sqrt(v^) + eps) + lambda W; W <- W - lr |W| / |u| u: You et al. 2020, algorithm 2, phi the identity.

    The trust ratio |W| / |u| is 1 where either is 0. Unlike elsewhere the weight decay lambda (matrices only, again) is a part of
    u, as in the paper: the trust ratio sees it.
    """

    def __init__(
        self,
        lr: LearningRate = 0.01,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-6,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, weight_decay=weight_decay)

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        ends = np.cumsum([prod(shape) for shape in self.shapes])[:-1]
        self.each = list(zip(np.split(theta, ends), np.split(self.update, ends), strict=True))
        self.decays = np.zeros_like(self.decayed)  # scratch

    def step(self, scale: float = 1.0) -> None:
        self.update *= self.direction()
        if self.weight_decay:
            np.multiply(self.decayed, self.weight_decay, out=self.decays)
            self.update[: len(self.decays)] += self.decays
        for W, u in self.each:
            self.trust(W, u, self.lr * scale)
        self.theta -= self.update

    @staticmethod
    def trust(W: Array, u: Array, lr: float) -> None:
        """Give u its length: u <- lr |W| / |u| u."""
        of_W, of_u = sqrt(np.dot(W, W)), sqrt(np.dot(u, u))
        u *= lr * of_W / of_u if of_W and of_u else lr
