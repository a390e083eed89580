"""Weight initializers: orthogonal, sparse, truncated normal, constant, identity, and fitted to data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.random import Generator

from nnexp.nn.initializers.initializer import Gain, Initializer, resolve_gain
from nnexp.nn.parameters import Array

Deviation = Annotated[float, Gt(0)]


@dataclass(eq=False)
class Orthogonal(Initializer):
    """W with orthonormal columns or rows, whichever are fewer, times gain: Saxe et al. 2014, section 3.2.

    Q of the QR decomposition of a normal matrix, with signs that make it uniform over all such matrices
    (Mezzadri 2007).
    """

    gain: Gain = "activation"

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        rows, columns = W.shape
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        W[...] = resolve_gain(self.gain, gain) * (q if rows >= columns else q.T)


@dataclass(eq=False)
class Sparse(Initializer):
    """Each input reaches only some outputs, with weights N(0, std^2): Martens 2010, section 5 (`sparse_`).

    Attributes:
        sparsity: the fraction of an input's weights that are 0.
        std: of the others.
    """

    sparsity: Annotated[float, Ge(0), Lt(1)] = 0.9
    std: Deviation = 0.1

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        zeros = ceil(self.sparsity * W.shape[1])
        W[...] = rng.normal(0, self.std, W.shape)
        order = rng.permuted(np.broadcast_to(np.arange(W.shape[1]), W.shape), axis=1)
        np.put_along_axis(W, order[:, :zeros], 0, axis=1)


@dataclass(eq=False)
class TruncatedNormal(Initializer):
    """W ~ N(0, std^2), truncated at `cut` standard deviations, by the inverse of the distribution function.

    Attributes:
        std: of the normal before it is truncated.
        cut: in units of std; 2 as in Keras and in vision transformers.
    """

    std: Deviation = 0.05
    cut: Deviation = 2.0

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        from scipy.special import ndtr, ndtri

        W[...] = self.std * ndtri(rng.uniform(ndtr(-self.cut), ndtr(self.cut), W.shape))


@dataclass(eq=False)
class Constant(Initializer):
    """Every weight the same: does not break symmetry, so the units of a layer stay copies of each other."""

    value: float = 0.01

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        W.fill(self.value)


class Zeros(Initializer):
    """Every weight 0: right for the last layer of a residual branch; unusable for a whole network."""

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        W.fill(0)


@dataclass(eq=False)
class Identity(Initializer):
    """W is the unit matrix, cut to its shape, times gain: Le et al. 2015 (there for recurrent ReLU layers).

    A filter of a convolution passes on the pixel in its middle, of one channel (PyTorch's `dirac_`).
    """

    gain: Gain = 1.0

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        W.fill(0)
        positions = fan_out // W.shape[1]  # of a filter, K K; 1 in a dense layer
        middle = isqrt(positions) // 2 * (isqrt(positions) + 1)
        np.fill_diagonal(W[middle::positions], resolve_gain(self.gain, gain))


@dataclass(eq=False)
class LSUV(Initializer):
    """Orthonormal, then scaled layer by layer to outputs of variance 1: Mishkin & Matas 2016, algorithm 1.

    Attributes:
        tolerance: the largest accepted distance of the variance from 1.
        tries: the most rescalings of a layer.
    """

    tolerance: Annotated[float, Gt(0), Le(1)] = 0.02
    tries: Annotated[int, Ge(1)] = 10

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        Orthogonal(1.0)(W, fan_in=fan_in, fan_out=fan_out, rng=rng)

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        for W, outputs in filled:
            for _ in range(self.tries):
                variance = outputs().var()
                if abs(variance - 1) < self.tolerance or variance == 0:
                    break
                np.divide(W, np.sqrt(variance), out=W)
