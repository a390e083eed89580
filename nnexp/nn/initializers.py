"""Weight initializers.

Most are a factor over a fan, std = gain / sqrt(fan), which keeps the variance of signals from layer to layer;
normal ones are not truncated (as in PyTorch). Biases start at 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, isqrt, sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.random import Generator

from nnexp.nn.parameters import Array

FanMode = Literal["fan_in", "fan_out", "fan_avg"]
SQRT2 = sqrt(2)
Deviation = Annotated[float, Gt(0)]
Gain = Annotated[float, Gt(0)] | Literal["activation"]
"""A factor, or the recommended gain of the activation behind the layer (1 behind the last)."""


class Initializer(ABC):
    """Fills a weight array in place."""

    @abstractmethod
    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        """Fill W (I, O) of a layer with fan_in inputs and fan_out outputs per unit.

        `gain` is the recommended one of the activation behind the layer.
        """

    def at(self, position: int, layers: int) -> "Initializer":
        """Return the rule of one of so many layers with weights, counted from 0."""
        return self

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        """Adjust to data the weights of the layers that this rule filled; functions return their outputs."""


@dataclass(eq=False)
class VarianceScaling(Initializer):
    """W ~ N(0, std^2) or U(-sqrt(3) std, sqrt(3) std), with std = gain / sqrt(fan)."""

    distribution: Literal["normal", "uniform"] = "normal"
    gain: Gain = 1.0
    mode: FanMode = "fan_in"  # fan_avg: the mean of inputs and outputs

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = resolve_gain(self.gain, gain) / sqrt(fan)
        if self.distribution == "normal":
            W[...] = rng.normal(0, std, W.shape)
        else:
            W[...] = rng.uniform(-sqrt(3) * std, sqrt(3) * std, W.shape)


@dataclass(eq=False)
class He(VarianceScaling):
    """std = gain / sqrt(fan_in), gain sqrt(2) for ReLU: He et al. 2015, eq. 10; eq. 14 with fan_out."""

    gain: Gain = SQRT2


@dataclass(eq=False)
class Xavier(VarianceScaling):
    """std = gain / sqrt((fan_in + fan_out) / 2): Glorot & Bengio 2010, eq. 12 and 16."""

    mode: FanMode = "fan_avg"


class LeCun(VarianceScaling):
    """std = gain / sqrt(fan_in): LeCun et al. 1998, "Efficient BackProp", eq. 16."""


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
    """Each input reaches only some outputs, with weights N(0, std^2): Martens 2010, section 5 (`sparse_`)."""

    sparsity: Annotated[float, Ge(0), Lt(1)] = 0.9  # the fraction of an input's weights that are 0
    std: Deviation = 0.1  # of the others

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        zeros = ceil(self.sparsity * W.shape[1])
        W[...] = rng.normal(0, self.std, W.shape)
        order = rng.permuted(np.broadcast_to(np.arange(W.shape[1]), W.shape), axis=1)
        np.put_along_axis(W, order[:, :zeros], 0, axis=1)


@dataclass(eq=False)
class TruncatedNormal(Initializer):
    """W ~ N(0, std^2), truncated at `cut` standard deviations, by the inverse distribution function."""

    std: Deviation = 0.05  # of the normal before it is truncated
    cut: Deviation = 2.0  # in units of std; 2 as in Keras and in vision transformers

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
    """Orthonormal, then scaled layer by layer to outputs of variance 1: Mishkin & Matas 2016, algorithm 1."""

    tolerance: Annotated[float, Gt(0), Le(1)] = 0.02  # of the variance's distance from 1
    tries: Annotated[int, Ge(1)] = 10  # the most rescalings of a layer

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        Orthogonal(1.0)(W, fan_in=fan_in, fan_out=fan_out, rng=rng)

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        for W, outputs in filled:
            for _ in range(self.tries):
                variance = outputs().var()
                if abs(variance - 1) < self.tolerance or variance == 0:
                    break
                np.divide(W, np.sqrt(variance), out=W)


@dataclass(eq=False)
class PerLayer(Initializer):
    """Other rules for the first and the last layer."""

    first: Initializer | None  # of the first layer with weights; None: as the others
    others: Initializer
    last: Initializer | None  # of the last or only layer; None: as the others

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        self.others(W, fan_in=fan_in, fan_out=fan_out, rng=rng, gain=gain)

    def at(self, position: int, layers: int) -> Initializer:
        own = self.first if position == 0 else None
        if position == layers - 1:
            own = self.last
        return (own or self.others).at(position, layers)


def resolve_gain(gain: Gain, of_activation: float) -> float:
    """Return the configured gain as a number."""
    return of_activation if gain == "activation" else float(gain)
