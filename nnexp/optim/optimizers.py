"""Optimizers: a few in-place lines on the vector of all weights.

theta weights, g gradients, both (P,). An optimizer owns its learning rate; a schedule only scales it. Definitions follow
PyTorch where papers differ.
"""

from abc import ABC, abstractmethod
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

Array = NDArray[np.floating]
LearningRate = Annotated[float, Gt(0)]
Decay = Annotated[float, Ge(0), Lt(1)]


class Optimizer(ABC):
    """Moves theta against g.

    Args:
        lr: the learning rate at a schedule's multiplier of 1.
    """

    def __init__(self, lr: LearningRate) -> None:
        self.lr = lr

    def bind(self, theta: Array, grad: Array) -> None:
        """Take hold of a network's vectors and make the state, zero."""
        self.theta, self.g = theta, grad
        self.update = np.zeros_like(theta)  # scratch: what is subtracted from theta

    @abstractmethod
    def step(self, scale: float = 1.0) -> None:
        """One update with the learning rate lr * scale."""


class SGD(Optimizer):
    """theta <- theta - lr g."""

    def __init__(self, lr: LearningRate = 0.1) -> None:
        super().__init__(lr)

    def step(self, scale: float = 1.0) -> None:
        np.multiply(self.g, self.lr * scale, out=self.update)
        self.theta -= self.update


class Momentum(Optimizer):
    """v <- mu v + g; theta <- theta - lr v: Polyak 1964, in PyTorch's form (the learning rate outside v)."""

    def __init__(self, lr: LearningRate = 0.05, momentum: Decay = 0.9) -> None:
        super().__init__(lr)
        self.momentum = momentum

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self.v = np.zeros_like(theta)

    def step(self, scale: float = 1.0) -> None:
        self.v *= self.momentum
        self.v += self.g
        np.multiply(self.v, self.lr * scale, out=self.update)
        self.theta -= self.update


class Nesterov(Momentum):
    """v <- mu v + g; theta <- theta - lr (g + mu v): Nesterov 1983, as in Sutskever et al. 2013, eq. 3-4, PyTorch's form."""

    def step(self, scale: float = 1.0) -> None:
        self.v *= self.momentum
        self.v += self.g
        np.multiply(self.v, self.momentum, out=self.update)
        self.update += self.g
        self.update *= self.lr * scale
        self.theta -= self.update


class Adam(Optimizer):
    """theta <- theta - lr m^ / (sqrt(v^) + eps): Kingma & Ba 2015, algorithm 1.

    The paper's m and v are kept divided by (1 - beta1) and (1 - beta2): m <- beta1 m + g, v <- beta2 v + g^2. The two
    factors go into the learning rate and epsilon, which saves two passes over all weights in every step.
    """

    def __init__(self, lr: LearningRate = 7e-3, beta1: Decay = 0.9, beta2: Decay = 0.99, eps: Annotated[float, Ge(1e-30)] = 1e-8) -> None:
        super().__init__(lr)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self.m, self.v = np.zeros_like(theta), np.zeros_like(theta)
        self.t = 0

    def step(self, scale: float = 1.0) -> None:
        self.t += 1
        m, v, g, update = self.m, self.v, self.g, self.update
        to_m_hat = (1 - self.beta1) / (1 - self.beta1**self.t)
        to_root_v_hat = sqrt((1 - self.beta2) / (1 - self.beta2**self.t))
        m *= self.beta1
        m += g
        np.multiply(g, g, out=update)
        v *= self.beta2
        v += update
        np.sqrt(v, out=update)
        update += self.eps / to_root_v_hat
        np.divide(m, update, out=update)
        update *= self.lr * scale * to_m_hat / to_root_v_hat
        self.theta -= update
