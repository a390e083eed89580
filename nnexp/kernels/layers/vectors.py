"""Arrays as vectors, for loops to which shapes do not matter."""

import numpy as np

from nnexp.nn.layer import pixels_first
from nnexp.nn.parameters import Array


def lie_alike(*arrays: Array) -> bool:
    """Return whether arrays of one shape have their numbers in one order in memory.

    Those of the layers here do: images lie pixel by pixel. A layer of one's own may return others.
    """
    return all(array.strides == arrays[0].strides for array in arrays[1:])


def vector(x: Array) -> Array:
    """Return vectors (B, I) or images as they lie in memory, (B*I,), without copying."""
    return (x if x.ndim < 4 else pixels_first(x)).reshape(-1)


def filled(out: Array, x: Array) -> Array:
    """Return `out` as a vector that holds x.

    A loop over one array is vectorized; one over two arrays that may be the same is not.
    """
    if out is not x:
        np.copyto(out, x)
    return vector(out)
