"""Compiled batches: rows are gathered, converted and scaled in one pass. B batch, I inputs, N rows."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Array, Batches
from nnexp.data.splitting import Rows
from nnexp.kernels.jit import kernel
from nnexp.kernels.twins import twin_of


@kernel
def gather(source: NDArray[Any], rows: Rows, factor: np.floating, x: Array) -> None:
    """Write factor * source[rows] into x, (B, I); source (N, I) has any type of numbers."""
    for i in range(len(rows)):
        row = rows[i]
        for j in range(x.shape[1]):
            x[i, j] = source[row, j] * factor


@twin_of(Batches)
class CompiledBatches(Batches):
    """Batches of inputs with one scale; others are standardized by NumPy."""

    @cached_property
    def source(self) -> NDArray[Any]:
        """The stored examples as a plain array, (N, I), also where they are memory-mapped."""
        return np.asarray(self.source_x)

    def examples_of(self, rows: Rows, augment: Callable[[Array], Any] | None = None) -> Array:
        if not isinstance(self.factor, float) or not self.source.flags.c_contiguous:
            return super().examples_of(rows, augment)
        x = self.x[: len(rows)]
        gather(self.source, rows, self.x.dtype.type(self.factor), x)
        if augment is not None:
            augment(x)
        if self.channels is not None:
            self.channels(x)
        return x
