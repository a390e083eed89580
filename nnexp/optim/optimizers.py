"""What an optimizer is, and the three that follow the gradient as it is: SGD, Momentum, Nesterov.

theta weights, g gradients, both (P,). An optimizer is a few in-place lines on these vectors; it owns its learning rate, a
schedule only scales it. Definitions follow PyTorch where papers differ.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

Array = NDArray[np.floating]
Shape = tuple[int, ...]
LearningRate = Annotated[float, Gt(0)]
Decay = Annotated[float, Ge(0), Lt(1)]
WeightDecay = Annotated[float, Ge(0)]


class Optimizer(ABC):
    """Moves theta against g.

    Args:
        lr: the learning rate at a schedule's multiplier of 1.
        weight_decay: lambda of the decoupled decay, for matrices only.

    Attributes:
        momentum: what a one-cycle schedule may change between two steps; None where there is nothing of the kind.
    """

    momentum: float | None = None

    def __init__(self, lr: LearningRate, weight_decay: WeightDecay = 0.0) -> None:
        self.lr, self.weight_decay = lr, weight_decay

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        """Take hold of a network's vectors and make the state, zero.

        Args:
            theta: (P,), the weights.
            grad: (P,), their gradients.
            shapes: of the parameters in the order they lie in, rank 2 and above first; None takes theta for one parameter.

        Raises:
            ValueError: the shapes do not fill theta, or a vector lies before a matrix.
        """
        self.theta, self.g = theta, grad
        self.shapes = [theta.shape] if shapes is None else list(shapes)
        if sum(map(prod, self.shapes)) != theta.size or self.shapes != sorted(
            self.shapes, key=lambda shape: len(shape) < 2
        ):
            raise ValueError(
                f"shapes {self.shapes} must fill a vector of {theta.size} weights, matrices before vectors"
            )
        self.matrices = sum(prod(shape) for shape in self.shapes if len(shape) >= 2)
        self.decayed = theta if shapes is None else theta[: self.matrices]
        self.update = np.zeros_like(theta)  # scratch: what is subtracted from theta

    @abstractmethod
    def step(self, scale: float = 1.0) -> None:
        """One update with the learning rate lr * scale."""

    def decay(self, scale: float) -> None:
        """Shrink the matrices, theta <- theta - lr lambda theta: Loshchilov & Hutter 2019, algorithm 2. The first line of a step."""
        if self.weight_decay:
            self.decayed *= 1 - self.lr * scale * self.weight_decay


class SGD(Optimizer):
    """theta <- theta - lr g."""

    def __init__(self, lr: LearningRate = 0.1, weight_decay: WeightDecay = 0.0) -> None:
        super().__init__(lr, weight_decay)

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.multiply(self.g, self.lr * scale, out=self.update)
        self.theta -= self.update


class Momentum(Optimizer):
    """v <- mu v + g; theta <- theta - lr v: Polyak 1964, in PyTorch's form (the learning rate outside v)."""

    def __init__(
        self, lr: LearningRate = 0.05, momentum: Decay = 0.9, weight_decay: WeightDecay = 0.0
    ) -> None:
        super().__init__(lr, weight_decay)
        self.momentum: float = momentum

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        self.v = np.zeros_like(theta)

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.v *= self.momentum
        self.v += self.g
        np.multiply(self.v, self.lr * scale, out=self.update)
        self.theta -= self.update


class Nesterov(Momentum):
    """v <- mu v + g; theta <- theta - lr (g + mu v): Nesterov 1983, as in Sutskever et al. 2013, eq. 3-4, PyTorch's form."""

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.v *= self.momentum
        self.v += self.g
        np.multiply(self.v, self.momentum, out=self.update)
        self.update += self.g
        self.update *= self.lr * scale
        self.theta -= self.update
