"""Lion: every weight moves by the same amount; momentum and gradient together only choose the sign.

theta weights, g gradients, m momentum, all (P,).
"""

import numpy as np

from nnexp.nn.parameters import Parameters
from nnexp.optim.optimizers import Beta, LearningRate, Optimizer


class Lion(Optimizer):
    """theta <- theta - lr sign(beta1 m + (1 - beta1) g); m <- beta2 m + (1 - beta2) g.

    Chen et al. 2023, algorithm 2. m is kept divided by (1 - beta2); a sign does not change when its argument
    is divided by (1 - beta1) > 0.
    """

    elementwise = True
    lr: LearningRate = 3e-4  # the paper takes a third to a tenth of Adam's, and so much more weight decay
    beta1: Beta = 0.9  # the momentum's share in the sign
    beta2: Beta = 0.99  # the share of m that stays

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.m = parameters.new_vector()

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.multiply(self.m, self.beta1 * (1 - self.beta2) / (1 - self.beta1), out=self.update)
        self.update += self.g
        np.sign(self.update, out=self.update)
        self.update *= self.lr * scale
        self.theta -= self.update
        self.m *= self.beta2
        self.m += self.g
