"""Batches: rows of bytes become floats in a buffer that was made once.

B batch, I inputs, N rows.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.data.dataset import Bytes, Labels
from nnexp.data.split import Rows

Array = NDArray[np.floating]


class Batches:
    """Some rows of a data set, batch by batch; a new order in every pass if there is a stream to draw it from.

    A batch lies in buffers of this object and is valid until the next one. The last batch of a pass may be smaller.

    Args:
        x, y: all examples (?, I) uint8 and their classes (?,).
        rows: which of them, (N,).
        size: B; no more than there are rows.
        scale: x = scale * bytes.
        dtype: of x.
        shuffle: the stream that orders are drawn from; without it the rows stay as they are.
    """

    def __init__(
        self,
        x: Bytes,
        y: Labels,
        rows: Rows,
        size: int,
        scale: float,
        dtype: DTypeLike,
        shuffle: np.random.Generator | None = None,
    ) -> None:
        if not (len(rows) and rows.min() >= 0 and rows.max() < len(x)):
            raise IndexError("rows out of range")  # `take` below would clip them silently
        size = min(size, len(rows))
        self.rows, self.size, self.scale, self.shuffle = rows.copy(), size, scale, shuffle
        self.source_x, self.source_y = x, y
        self.bytes = np.empty((size, x.shape[1]), np.uint8)  # (B, I)
        self.x: Array = np.empty((size, x.shape[1]), dtype)  # (B, I)
        self.y = np.empty(size, y.dtype)  # (B,)

    @property
    def examples(self) -> int:
        """N, the examples of one pass."""
        return len(self.rows)

    @property
    def labels(self) -> Labels:
        """The classes in the order of the current pass, (N,)."""
        return self.source_y[self.rows]

    def __len__(self) -> int:
        """The batches of one pass."""
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[tuple[Array, Labels]]:
        if self.shuffle is not None:
            self.shuffle.shuffle(self.rows)
        for start in range(0, len(self.rows), self.size):
            rows = self.rows[start : start + self.size]
            packed, x, y = self.bytes[: len(rows)], self.x[: len(rows)], self.y[: len(rows)]
            np.take(self.source_x, rows, axis=0, out=packed, mode="clip")  # another mode would copy the whole batch
            np.take(self.source_y, rows, out=y, mode="clip")
            np.copyto(x, packed)
            x *= self.scale
            yield x, y
