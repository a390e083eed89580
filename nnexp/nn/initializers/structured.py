"""First values for weights that are more than a variance: orthogonal, sparse, truncated, constant, or fitted to data."""

from collections.abc import Callable, Sequence
from math import ceil, isqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from nnexp.nn.initializers.initializer import Gain, Initializer, factor
from nnexp.nn.parameters import Array

Deviation = Annotated[float, Gt(0)]


class Orthogonal(Initializer):
    """W with orthonormal columns or rows, whichever are fewer, times gain: Saxe et al. 2014, section 3.2.

    Q of the QR decomposition of a normal matrix, with signs that make it uniform over all such matrices (Mezzadri 2007).
    """

    def __init__(self, gain: Gain = "activation") -> None:
        self.gain = gain

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        rows, columns = W.shape
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        W[...] = factor(self.gain, gain) * (q if rows >= columns else q.T)


class Sparse(Initializer):
    """Each input reaches only some outputs, with weights N(0, std^2): Martens 2010, section 5, as PyTorch's `sparse_`.

    Args:
        sparsity: the share of an input's weights that are 0.
        std: of the others.
    """

    def __init__(self, sparsity: Annotated[float, Ge(0), Lt(1)] = 0.9, std: Deviation = 0.1) -> None:
        self.sparsity, self.std = sparsity, std

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        zeros = ceil(self.sparsity * W.shape[1])
        W[...] = rng.normal(0, self.std, W.shape)
        order = rng.permuted(np.broadcast_to(np.arange(W.shape[1]), W.shape), axis=1)
        np.put_along_axis(W, order[:, :zeros], 0, axis=1)


class TruncatedNormal(Initializer):
    """W ~ N(0, std^2), without what lies beyond `cut` standard deviations: the inverse of the distribution function.

    Args:
        std: of the normal before it is cut.
        cut: in units of std; 2 as in Keras and in vision transformers.
    """

    def __init__(self, std: Deviation = 0.05, cut: Deviation = 2.0) -> None:
        self.std, self.cut = std, cut

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        from scipy.special import ndtr, ndtri

        W[...] = self.std * ndtri(rng.uniform(ndtr(-self.cut), ndtr(self.cut), W.shape))


class Constant(Initializer):
    """Every weight the same: units of a layer then stay copies of each other, which is what there is to see."""

    def __init__(self, value: float = 0.01) -> None:
        self.value = value

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        W.fill(self.value)


class Zeros(Constant):
    """Every weight 0: right for the last layer of a residual branch, hopeless for a whole network."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Identity(Initializer):
    """W is the unit matrix, as far as it goes, times gain: Le et al. 2015 (there for recurrent ReLU layers).

    A filter of a convolution passes on the pixel in its middle, of one channel (PyTorch's `dirac_`).
    """

    def __init__(self, gain: Gain = 1.0) -> None:
        self.gain = gain

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        W.fill(0)
        positions = fan_out // W.shape[1]  # of a filter, K K; 1 in a dense layer
        middle = isqrt(positions) // 2 * (isqrt(positions) + 1)
        np.fill_diagonal(W[middle::positions], factor(self.gain, gain))


class LSUV(Orthogonal):
    """Orthonormal, then layer by layer scaled until the outputs on a batch have variance 1: Mishkin & Matas 2016, algorithm 1.

    Args:
        tolerance: how near to 1 the variance must come.
        tries: at most so many per layer.
    """

    def __init__(
        self, tolerance: Annotated[float, Gt(0), Le(1)] = 0.02, tries: Annotated[int, Ge(1)] = 10
    ) -> None:
        super().__init__(1.0)
        self.tolerance, self.tries = tolerance, tries

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        for W, outputs in filled:
            for _ in range(self.tries):
                variance = outputs().var()
                if abs(variance - 1) < self.tolerance or variance == 0:
                    break
                np.divide(W, np.sqrt(variance), out=W)
