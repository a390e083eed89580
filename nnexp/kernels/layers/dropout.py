"""Compiled dropout: the mask is drawn by NumPy from the same stream."""

from nnexp.kernels.jit import kernel
from nnexp.kernels.layers.vectors import filled, vector
from nnexp.kernels.twins import twin_of
from nnexp.nn.layers.dropout import Dropout
from nnexp.nn.parameters import Array


@kernel
def apply_mask(x: Array, noise: Array, rate: float) -> None:
    """Compute noise <- 0 where it is below the rate, else 1 / (1 - rate); x <- x noise."""
    threshold, zero, kept = x.dtype.type(rate), x.dtype.type(0), x.dtype.type(1 / (1 - rate))
    for i in range(len(x)):
        noise[i] = kept if noise[i] >= threshold else zero
        x[i] *= noise[i]


@twin_of(Dropout)
class CompiledDropout(Dropout):
    """Dropout with one loop behind the draw."""

    def draw(self, out: Array) -> None:
        self.rng.random(out=out, dtype=out.dtype)

    def apply_noise(self, x: Array, noise: Array, out: Array) -> Array:
        apply_mask(filled(out, x), vector(noise), self.rate)
        return out
