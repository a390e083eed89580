"""Optimizers with a learning rate per weight, from its squared gradients: Adagrad, Adadelta, RMSprop.

theta weights, g gradients, v sums or means of squares, all (P,).
"""

from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge

from nnexp.nn.parameters import Array, Parameters
from nnexp.optim.optimizers import Beta, LearningRate, Optimizer

Epsilon = Annotated[float, Ge(1e-30)]


class Adagrad(Optimizer):
    """v <- v + g^2; theta <- theta - lr g / (sqrt(v) + eps): Duchi et al. 2011, section 1.3, diagonal."""

    elementwise = True
    lr: LearningRate = 0.05
    lr_decay: Annotated[float, Ge(0)] = 0.0  # the rate of step t, from 0, is lr / (1 + t lr_decay)
    initial_accumulator: Annotated[float, Ge(0)] = 0.0  # v before the first step
    eps: Epsilon = 1e-10  # added to the root

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.v = parameters.new_vector()
        self.v.fill(self.initial_accumulator)
        self.t = 0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.multiply(self.g, self.g, out=self.update)
        self.v += self.update
        np.sqrt(self.v, out=self.update)
        self.update += self.eps
        np.divide(self.g, self.update, out=self.update)
        self.update *= self.lr * scale / (1 + self.t * self.lr_decay)
        self.theta -= self.update
        self.t += 1


class Adadelta(Optimizer):
    """Each step as large as the steps before it were: Zeiler 2012, algorithm 1.

    v <- rho v + (1 - rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) g; u <- rho u + (1 - rho) d^2;
    theta <- theta - lr d. Steps have the unit of the weights, so the paper has no lr; here it is PyTorch's.
    u and v are kept divided by (1 - rho), which leaves d as it is when eps is divided too.
    """

    elementwise = True
    lr: LearningRate = 1.0
    rho: Beta = 0.9
    eps: Epsilon = 1e-6

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.u = parameters.new_vector()
        self.v = parameters.new_vector()
        self.d = parameters.new_vector()

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        u, v, g, d, update = self.u, self.v, self.g, self.d, self.update
        eps = self.eps / (1 - self.rho)
        np.multiply(g, g, out=update)
        v *= self.rho
        v += update
        np.add(u, eps, out=d)
        np.add(v, eps, out=update)
        d /= update
        np.sqrt(d, out=d)
        d *= g
        np.multiply(d, d, out=update)
        u *= self.rho
        u += update
        np.multiply(d, self.lr * scale, out=update)
        self.theta -= update


class RMSprop(Optimizer):
    """v <- alpha v + (1 - alpha) g^2; theta <- theta - lr g / (sqrt(v) + eps): Hinton 2012, lecture 6e.

    v is kept divided by (1 - alpha): the factor goes into the learning rate and epsilon, and saves a pass.
    """

    elementwise = True
    lr: LearningRate = 3e-3
    alpha: Beta = 0.99  # the share of v that stays
    eps: Epsilon = 1e-8  # added to the root
    momentum: Beta = 0.0  # mu; above 0, b <- mu b + g / (sqrt(v) + eps) takes the quotient's place
    centered: bool = False  # divide by the standard deviation sqrt(v - mean^2): Graves 2013, eq. 38-40

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.v = parameters.new_vector()
        self.mean = parameters.new_vector()
        self.b = parameters.new_vector()

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        v, g, update = self.v, self.g, self.update
        root = sqrt(1 - self.alpha)
        np.multiply(g, g, out=update)
        v *= self.alpha
        v += update
        if self.centered:
            self.fill_variance(out=update)
            np.sqrt(update, out=update)
        else:
            np.sqrt(v, out=update)
        update += self.eps / root
        np.divide(g, update, out=update)
        if self.momentum:
            self.b *= self.momentum
            self.b += update
            np.multiply(self.b, self.lr * scale / root, out=update)
        else:
            update *= self.lr * scale / root
        self.theta -= update

    def fill_variance(self, out: Array) -> None:
        """Add g to the mean, kept divided like v: alpha mean + g; then out = v - (1 - alpha) mean^2."""
        self.mean *= self.alpha
        self.mean += self.g
        np.multiply(self.mean, self.mean, out=out)
        out *= 1 - self.alpha
        np.subtract(self.v, out, out=out)
        np.maximum(out, 0, out=out)  # rounding can make it negative
