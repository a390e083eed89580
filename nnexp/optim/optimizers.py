"""What an optimizer is, and the three that follow the gradient as it is: SGD, Momentum, Nesterov.

theta weights, g gradients, both (P,). An optimizer is a few in-place lines on these vectors; it owns its
learning rate, a schedule only scales it. Definitions follow PyTorch where papers differ.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from nnexp.annotated_keys import AnnotatedKeys
from nnexp.nn.parameters import Array, Parameters

LearningRate = Annotated[float, Gt(0)]
Beta = Annotated[float, Ge(0), Lt(1)]
WeightDecay = Annotated[float, Ge(0)]


class Optimizer(AnnotatedKeys, ABC):
    """Moves theta against g."""

    scratch: ClassVar[tuple[str, ...]] = ("update",)  # attributes that hold nothing between two steps
    matmul: ClassVar[Callable[..., Array]] = staticmethod(np.matmul)  # threads may share it in a run
    elementwise: ClassVar[bool] = False  # whether weights do not depend on each other; not inherited
    lr: LearningRate  # the learning rate at a schedule's multiplier of 1
    weight_decay: WeightDecay = 0.0  # lambda of the decoupled decay, for matrices only

    @property
    def momentum(self) -> float | None:
        """The momentum, which a one-cycle schedule changes between steps; None if there is none."""
        return None

    @momentum.setter
    def momentum(self, value: float) -> None:
        raise AttributeError(f"{type(self).__name__} has no momentum")

    def bind(self, parameters: Parameters) -> None:
        """Use a network's vectors, and set the state to zero."""
        self.theta = parameters.theta  # (P,)
        self.g = parameters.grad  # (P,)
        self.matrices = self.theta[parameters.matrix_slice]  # (M,), the weights of matrices
        self.update = parameters.new_vector()  # scratch: what a step subtracts from theta

    @abstractmethod
    def step(self, scale: float = 1.0) -> None:
        """Make one update with the learning rate lr * scale."""

    def decay(self, scale: float) -> None:
        """Decay the matrices before a step, by lr lambda theta: Loshchilov & Hutter 2019, algorithm 2."""
        if self.weight_decay:
            self.matrices *= 1 - self.lr * scale * self.weight_decay


class SGD(Optimizer):
    """theta <- theta - lr g."""

    elementwise = True
    lr: LearningRate = 0.1

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        np.multiply(self.g, self.lr * scale, out=self.update)
        self.theta -= self.update


class VelocityOptimizer(Optimizer):
    """v <- mu v + g, with the learning rate outside v as in PyTorch."""

    lr: LearningRate = 0.05
    momentum: Beta = 0.9

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.v = parameters.new_vector()

    def update_velocity(self) -> None:
        """Add the gradient to v."""
        self.v *= self.momentum
        self.v += self.g


class Momentum(VelocityOptimizer):
    """v <- mu v + g; theta <- theta - lr v: Polyak 1964."""

    elementwise = True

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.update_velocity()
        np.multiply(self.v, self.lr * scale, out=self.update)
        self.theta -= self.update


class Nesterov(VelocityOptimizer):
    """v <- mu v + g; theta <- theta - lr (g + mu v): Nesterov 1983, as in Sutskever et al. 2013, eq. 3-4."""

    elementwise = True

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.update_velocity()
        np.multiply(self.v, self.momentum, out=self.update)
        self.update += self.g
        self.update *= self.lr * scale
        self.theta -= self.update
