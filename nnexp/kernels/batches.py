"""Compiled batches: rows are gathered, converted and scaled in one pass.

B batch, C channels, I inputs, N rows.
"""

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


@kernel
def gather_bytes(source: NDArray[np.uint8], rows: Rows, factor: np.floating, x: Array) -> None:
    """Write factor * source[rows] into x, (B, I), for bytes, which x's type holds exactly."""
    for i in range(len(rows)):
        row = rows[i]
        for j in range(x.shape[1]):
            x[i, j] = x.dtype.type(source[row, j]) * factor


@kernel
def gather_standardized(source: NDArray[Any], rows: Rows, shift: Array, factor: Array, x: Array) -> None:
    """Write (source[rows] - shift) * factor into x, (B, I), 0 where that is NaN; shift, factor (I,)."""
    zero = x.dtype.type(0)
    for i in range(len(rows)):
        row = rows[i]
        for j in range(x.shape[1]):
            value = (shift.dtype.type(source[row, j]) - shift[j]) * factor[j]
            x[i, j] = zero if np.isnan(value) else value


@kernel
def standardize_channels(x: Array, mean: Array, deviation: Array) -> None:
    """Compute (x - mean) / deviation in place, x (B, I), of the channels' mean and deviation (C,)."""
    pixels = x.shape[1] // len(mean)
    for i in range(len(x)):
        for c in range(len(mean)):
            channel = x[i, c * pixels : (c + 1) * pixels]
            center, factor = mean[c], x.dtype.type(1) / deviation[c]
            for j in range(pixels):
                channel[j] = (channel[j] - center) * factor


def gather_alone(source: NDArray[Any], rows: Rows, factor: float, x: Array) -> None:
    """Write factor * source[rows] into x by this thread."""
    run = gather_bytes if source.dtype == np.uint8 else gather
    run(source, rows, x.dtype.type(factor), x)


@twin_of(Batches)
class CompiledBatches(Batches):
    """Batches in one pass, two where the channels of images are standardized."""

    @cached_property
    def source(self) -> NDArray[Any]:
        """The stored examples as a plain array, (N, I), also where they are memory-mapped."""
        return np.asarray(self.source_x)

    gather = staticmethod(gather_alone)  # threads may share it in a run

    def examples_of(self, rows: Rows, augment: Callable[[Array], Any] | None = None) -> Array:
        if not self.source.flags.c_contiguous:
            return super().examples_of(rows, augment)
        x = self.x[: len(rows)]
        if isinstance(self.factor, float):
            self.gather(self.source, rows, self.factor, x)
        else:
            gather_standardized(self.source, rows, self.standardize.shift, self.standardize.factor, x)
        if augment is not None:
            augment(x)
        if self.channels is not None:
            standardize_channels(x, self.channels.mean, self.channels.deviation)
        return x
