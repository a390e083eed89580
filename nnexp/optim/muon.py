"""Muon: the momentum of each matrix, made orthogonal, so that a step moves all its directions equally far.

theta weights, g gradients, (P,); G one matrix of the momentum, (I, O); X the same with rows <= columns. A
kernel (C, KH, KW, O) counts as the matrix (C KH KW, O) that it multiplies patches with.
"""

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge

from nnexp.nn.parameters import Array, Parameters
from nnexp.optim.adam import Adam
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Beta, LearningRate, Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)  # a, b, c: steepest at 0 with singular values near 1, Jordan et al. 2024
EPSILON = 1e-8
Workspace = tuple[Array, Array, Array, Array]


class Muon(Optimizer):
    """theta <- theta - lr sqrt(max(1, O / I)) orthogonalize(G) for matrices, Adam for vectors.

    Jordan et al. 2024 (blog): M <- mu M + (1 - mu) g; G = M^, or with Nesterov's momentum
    mu M / (1 - mu^(t+1)) + (1 - mu) g / (1 - mu^t). Scale and corrections are those of `optax.contrib.muon`.
    """

    scratch = ("update", "G", "workspaces")
    lr: LearningRate = 0.01  # about the change of a matrix in every direction, whatever the gradient's norm
    momentum: Beta = 0.95  # mu
    nesterov: bool = True  # whether the momentum looks ahead
    iterations: Annotated[int, Ge(1)] = 5  # of Newton-Schulz; 5 leave singular values between 0.7 and 1.2
    vector_lr: LearningRate = 7e-3  # Adam's learning rate for biases and scales; the schedule scales both
    beta1: Beta = 0.9  # beta1, beta2, eps: of Adam
    beta2: Beta = 0.99
    eps: Epsilon = 1e-8

    def bind(self, parameters: Parameters) -> None:
        super().bind(parameters)
        self.adam = Adam(lr=self.vector_lr, beta1=self.beta1, beta2=self.beta2, eps=self.eps)
        self.adam.bind(parameters.without_matrices())
        self.dW = self.g[parameters.matrix_slice]
        self.G = self.update[parameters.matrix_slice]
        self.M = np.zeros_like(self.G)
        self.M_divisor = 1 - self.momentum
        matrices = list(parameters.matrices(self.update))
        self.workspaces = list(with_workspaces(matrices)) if matrices else []
        self.t = 0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.adam.step(scale)
        self.update_momentum()
        for G, workspace in self.workspaces:
            orthogonalize(G, workspace, self.iterations, self.matmul)
            inputs, outputs = G.shape
            np.multiply(G, self.lr * scale * sqrt(max(1, outputs / inputs)), out=G)
        self.matrices -= self.G

    def start_step(self) -> float:
        """Count a step; return the share of M that stays; its divisor is that of the last mu."""
        self.t += 1
        share = self.momentum * (self.M_divisor / (1 - self.momentum))
        self.M_divisor = 1 - self.momentum
        return share

    def update_momentum(self) -> None:
        """Add the gradient to M, which is kept divided by (1 - mu) like Adam's m, and fill G."""
        mu = self.momentum
        self.M *= self.start_step()
        self.M += self.dW
        if self.nesterov:
            g_factor = 1 / (1 - mu**self.t)
            np.multiply(self.M, mu / (1 - mu ** (self.t + 1)) / g_factor, out=self.G)
            self.G += self.dW
            self.G *= g_factor * (1 - mu)
        else:
            np.multiply(self.M, (1 - mu) / (1 - mu**self.t), out=self.G)


def with_workspaces(matrices: Sequence[Array]) -> Iterator[tuple[Array, Workspace]]:
    """Yield each matrix with scratch that all share: X and Y (r, c), A and B (r, r), r the smaller side."""
    buffer: Array = np.zeros((4, max(matrix.size for matrix in matrices)), matrices[0].dtype)
    for matrix in matrices:
        r, c = sorted(matrix.shape)
        X, Y = buffer[:2, : r * c].reshape(2, r, c)
        A, B = buffer[2:, : r * r].reshape(2, r, r)
        yield matrix, (X, Y, A, B)


def orthogonalize(
    G: Array, workspace: Workspace, iterations: int, matmul: Callable[..., Array] = np.matmul
) -> None:
    """Replace G = U S V^T by about U V^T, in place.

    X <- X / |X|, then X <- a X + (b A + c A A) X with A = X X^T. Each iteration takes every singular value s
    to a s + b s^3 + c s^5 (Newton and Schulz's idea); no decomposition is computed.
    """
    X, Y, A, B = workspace
    a, b, c = QUINTIC
    tall = len(G) > len(X)
    X[...] = G.T if tall else G
    X /= sqrt(np.vdot(X, X)) + EPSILON
    for _ in range(iterations):
        np.matmul(X, X.T, out=A)
        matmul(A, A, out=B)
        A *= b
        B *= c
        B += A
        matmul(B, X, out=Y)
        X *= a
        X += Y
    G[...] = X.T if tall else X
