"""The compiled norm of the gradient g (P,), in one pass."""

from typing import Any

from nnexp.kernels.jit import kernel
from nnexp.nn.parameters import Array

CHUNK = 8192  # the values whose squares are added in their own type, before its rounding errors grow


@kernel
def sum_of_squares(g: Array) -> float:
    """Sum the squares, chunks of them in float64."""
    total = 0.0
    for start in range(0, len(g), CHUNK):
        total += sum_of_squares_of_chunk(g[start : start + CHUNK])
    return total


@kernel
def sum_of_squares_of_chunk(g: Array) -> Any:
    """Sum the squares in the type of the values."""
    total = g.dtype.type(0)
    for i in range(len(g)):
        total += g[i] * g[i]
    return total
