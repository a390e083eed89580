"""Memory for batches, allocated once for the largest batch."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.parameters import Shape


class Buffer:
    """Memory for up to `capacity` examples; a call with n returns the view (n, *shape).

    Images (C, H, W) lie pixel by pixel, in memory (C, H, W, n): operations that shift, compare or add pixels
    run along the whole batch, a convolution is one product whose result needs no rearrangement, and a
    channel's statistics are those of one row.
    """

    def __init__(self, capacity: int, shape: Shape, dtype: DTypeLike) -> None:
        self.shape = shape
        self.flat: NDArray[Any] = np.empty(capacity * prod(shape), dtype)
        self.n = -1  # the batch that `view` was made for

    def __call__(self, n: int) -> NDArray[Any]:
        if n != self.n:
            self.n = n
            used = self.flat[: n * prod(self.shape)]
            if len(self.shape) == 3:
                self.view = used.reshape(*self.shape, n).transpose(3, 0, 1, 2)
            else:
                self.view = used.reshape(n, *self.shape)
        return self.view


def pixels_first(x: NDArray[Any]) -> NDArray[Any]:
    """Return images (n, C, H, W) as they lie in memory, (C, H, W, n)."""
    return x.transpose(1, 2, 3, 0)
