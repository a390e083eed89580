"""Muon: the momentum of each matrix, made orthogonal, so that a step moves all its directions equally far.

theta weights, g gradients, (P,); G one matrix of the momentum, (I, O); X the same with rows <= columns. A kernel (C, KH, KW, O)
counts as the matrix (C KH KW, O) that it multiplies patches with.
"""

from collections.abc import Sequence
from math import prod, sqrt
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge

from nnexp.optim.adam import Adam
from nnexp.optim.adaptive import Epsilon
from nnexp.optim.optimizers import Array, Decay, LearningRate, Optimizer, Shape, WeightDecay

QUINTIC = (
    3.4445,
    -4.7750,
    2.0315,
)  # a, b, c: the steepest at 0 that keep singular values near 1, Jordan et al. 2024
SMALL = 1e-8


class Muon(Optimizer):
    """theta <- theta - lr sqrt(max(1, O / I)) orthogonalize(G) for matrices, Adam for vectors: Jordan et al. 2024 (blog).

    M <- mu M + (1 - mu) g; G = M^, or with Nesterov's momentum mu M / (1 - mu^(t+1)) + (1 - mu) g / (1 - mu^t). That scale and
    these corrections for the start at 0 are those of `optax.contrib.muon`.

    Args:
        lr: of the matrices. A step changes a matrix by about lr in every direction, whatever the gradient's size.
        momentum: mu.
        nesterov: whether the momentum looks ahead.
        iterations: of Newton-Schulz; 5 leave singular values between 0.7 and 1.2.
        vector_lr: Adam's learning rate for biases and scales; the schedule scales both.
        beta1: of Adam.
        beta2: of Adam.
        eps: of Adam.
        weight_decay: decoupled, matrices only.
    """

    def __init__(
        self,
        lr: LearningRate = 0.01,
        momentum: Decay = 0.95,
        nesterov: bool = True,
        iterations: Annotated[int, Ge(1)] = 5,
        vector_lr: LearningRate = 7e-3,
        beta1: Decay = 0.9,
        beta2: Decay = 0.99,
        eps: Epsilon = 1e-8,
        weight_decay: WeightDecay = 0.0,
    ) -> None:
        super().__init__(lr, weight_decay)
        self.momentum: float = momentum
        self.nesterov, self.iterations = nesterov, iterations
        self.adam = Adam(vector_lr, beta1, beta2, eps)

    def bind(self, theta: Array, grad: Array, shapes: Sequence[Shape] | None = None) -> None:
        super().bind(theta, grad, shapes)
        end = self.matrices
        self.adam.bind(theta[end:], grad[end:])
        self.weights, self.dW, self.G = theta[:end], grad[:end], self.update[:end]
        self.M, self.M_divisor = np.zeros_like(self.G), 1 - self.momentum
        sizes = [(prod(shape[:-1]), shape[-1]) for shape in self.shapes if len(shape) >= 2]
        spaces = workspaces(sizes, theta)
        starts = np.cumsum([0, *map(prod, sizes)])
        views = [
            self.G[start : start + prod(size)].reshape(size)
            for start, size in zip(starts, sizes, strict=False)
        ]
        self.each = list(zip(views, spaces, strict=True))
        self.t = 0

    def step(self, scale: float = 1.0) -> None:
        self.decay(scale)
        self.adam.step(scale)
        self.look_ahead()
        for G, workspace in self.each:
            orthogonalize(G, workspace, self.iterations)
            inputs, outputs = G.shape
            np.multiply(G, self.lr * scale * sqrt(max(1, outputs / inputs)), out=G)
        self.weights -= self.G

    def look_ahead(self) -> None:
        """Take the gradient into M, which is kept divided by (1 - mu) like Adam's m, and fill G."""
        self.t += 1
        mu = self.momentum
        self.M *= mu * (self.M_divisor / (1 - mu))
        self.M += self.dW
        self.M_divisor = 1 - mu
        if self.nesterov:
            of_g = 1 / (1 - mu**self.t)
            np.multiply(self.M, mu / (1 - mu ** (self.t + 1)) / of_g, out=self.G)
            self.G += self.dW
            self.G *= of_g * (1 - mu)
        else:
            np.multiply(self.M, (1 - mu) / (1 - mu**self.t), out=self.G)


class Workspace(NamedTuple):
    """What one orthogonalization computes in: X and Y (r, c), A and B (r, r), r the smaller side of the matrix."""

    X: Array
    Y: Array
    A: Array
    B: Array


def workspaces(sizes: Sequence[tuple[int, int]], like: Array) -> list[Workspace]:
    """One for each matrix, all in the same memory, which the largest fills."""
    largest, widest = max(map(prod, sizes), default=0), max(map(min, sizes), default=0) ** 2
    X, Y, A, B = (np.zeros(size, like.dtype) for size in (largest, largest, widest, widest))

    def workspace(rows: int, columns: int) -> Workspace:
        long, square = (rows, columns), (rows, rows)
        return Workspace(
            *(
                whole[: prod(shape)].reshape(shape)
                for whole, shape in ((X, long), (Y, long), (A, square), (B, square))
            )
        )

    return [workspace(min(size), max(size)) for size in sizes]


def orthogonalize(G: Array, workspace: Workspace, iterations: int) -> None:
    """G = U S V^T becomes about U V^T, in place: X <- X / |X|, then X <- a X + (b A + c A A) X with A = X X^T.

    Each iteration takes every singular value s to a s + b s^3 + c s^5 (Newton and Schulz's idea); no decomposition is computed.
    """
    X, Y, A, B = workspace
    a, b, c = QUINTIC
    tall = len(G) > len(X)
    X[...] = G.T if tall else G
    X /= sqrt(np.vdot(X, X)) + SMALL
    for _ in range(iterations):
        np.matmul(X, X.T, out=A)
        np.matmul(A, A, out=B)
        A *= b
        B *= c
        B += A
        np.matmul(B, X, out=Y)
        X *= a
        X += Y
    G[...] = X.T if tall else X
