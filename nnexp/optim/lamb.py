"""LAMB: Adam's direction, scaled for each parameter to a share of that parameter's own norm.

theta weights, (P,); W one parameter of them and u its update, views.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from nnexp.nn.parameters import Array, Parameters
from nnexp.optim.adam import AdaptiveMoments
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import LearningRate


@dataclass(kw_only=True, eq=False)
class LAMB(AdaptiveMoments):
    """u = m^ / (sqrt(v^) + eps) + lambda W; W <- W - lr |W| / |u| u: You et al. 2020, algorithm 2.

    Phi is the identity, and the trust ratio |W| / |u| is 1 where either is 0. Unlike elsewhere the weight
    decay lambda (matrices only, again) is an addend of u, as in the paper: the trust ratio sees it.
    """

    lr: LearningRate = 0.01
    eps: Epsilon = 1e-6

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        views = zip(parameters.views(self.theta), parameters.views(self.update), strict=True)
        self.layers = [(W.ravel(), u.ravel()) for W, u in views]
        self.decays = np.zeros_like(self.matrices)  # scratch

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
