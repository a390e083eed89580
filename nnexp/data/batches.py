"""Batches: stored rows are gathered and scaled in buffers that are allocated once.

B batch, I inputs, N rows, T targets.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.data.class_balance import BalancedSampler
from nnexp.data.splitting import Rows
from nnexp.preprocessing.channels import ChannelScaling, pixel_scale
from nnexp.preprocessing.scaling import Standardization, TargetScale

Array = NDArray[np.floating]
Scale = float | Standardization | ChannelScaling


class Batches:
    """Iterates over some rows of a data set, shuffled in each pass if there is a random stream.

    A batch lies in buffers of this object and is valid until the next one. The last of a pass may be smaller.
    """

    def __init__(
        self,
        x: NDArray[Any],  # (?, I) all examples of the data set as they are stored
        y: NDArray[Any],  # (?,) their classes, int64, or (?, T) labels, float32, or targets, float64
        rows: Rows,  # (N,) the examples of a pass
        size: int,  # B; at most N
        scale: Scale,  # x = scale * stored; or a standardization of the inputs or of the channels
        dtype: DTypeLike,  # of x, and of targets
        shuffle: np.random.Generator | None = None,  # draws the order; None keeps that of the rows
        *,
        targets: TargetScale | None = None,  # standardizes targets; None leaves y as it is
        augment: Callable[[Array], Any]
        | None = None,  # changes the scaled x (B, I) in place, images in [0, 1]
        balanced: bool = False,  # all classes equally often: some rows repeat, some are left out
    ) -> None:
        if not (len(rows) and rows.min() >= 0 and rows.max() < len(x)):
            raise IndexError("rows out of range")  # `take` below would clip them silently
        if balanced and (shuffle is None or y.ndim > 1):
            raise ValueError("balanced batches need classes and a random stream")
        self.source_x = x
        self.source_y = y
        self.narrow_y = y if targets is None else targets.narrow(y)  # as stored for training
        self.rows = rows.copy()
        self.size = min(size, len(rows))
        self.scale = scale
        self.channels = scale.astype(dtype) if isinstance(scale, ChannelScaling) else None
        self.factor = scale if isinstance(scale, Standardization) else pixel_scale(scale)
        self.shuffle = shuffle
        self.augment = augment
        self.position: int | None = None  # rows of the pass in progress that are used; None: there is none
        self.sampler = BalancedSampler(rows, y) if balanced else None
        self.x: Array = np.empty((self.size, x.shape[1]), dtype)  # (B, I)
        self.stored_x = self.buffer(x.dtype)
        self.wide_x = self.x  # where x is standardized
        if isinstance(scale, Standardization):
            self.standardize = scale.between(x.dtype, dtype)
            self.wide_x = self.buffer(self.standardize.shift.dtype)
            self.missing = np.empty(self.x.shape, bool)
        stored = self.narrow_y.dtype
        self.y = np.empty((self.size, *y.shape[1:]), stored if targets is None else dtype)  # (B,) or (B, T)
        self.stored_y = self.y if stored == self.y.dtype else np.empty(self.y.shape, stored)
        self.target_scale = None
        if targets is not None:
            self.target_scale = targets.mean.astype(dtype), (1 / targets.deviation).astype(dtype)

    def buffer(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return an array for x (B, I) of that type, an existing one if there is one."""
        existing = [array for array in (self.x, getattr(self, "stored_x", self.x)) if array.dtype == dtype]
        return existing[0] if existing else np.empty(self.x.shape, dtype)

    @property
    def examples(self) -> int:
        """N, the examples of one pass."""
        return len(self.rows)

    @property
    def labels(self) -> NDArray[Any]:
        """The classes (N,), or the targets (N, T) in their own units, in the order of the current pass."""
        labels: NDArray[Any] = self.source_y[self.rows]
        return labels

    @property
    def latest(self) -> tuple[Array, NDArray[Any]]:
        """The last batch, until the next one."""
        n = ((self.position or len(self.rows)) - 1) % self.size + 1
        return self.x[:n], self.y[:n]

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[tuple[Array, NDArray[Any]]]:
        self.position = None
        return self.rest()

    def rest(self) -> Iterator[tuple[Array, NDArray[Any]]]:
        """Iterate over the rest of the pass in progress, of a new one if there is none."""
        if self.position is None:
            self.draw_order()
            self.position = 0
        while self.position < len(self.rows):
            rows = self.rows[self.position : self.position + self.size]
            self.position += len(rows)
            yield self.examples_of(rows, self.augment), self.labels_of(rows)
        self.position = None

    def draw_order(self) -> None:
        """Draw the rows of the next pass and their order."""
        if self.sampler is not None and self.shuffle is not None:
            self.sampler.draw(self.rows, self.shuffle)
        elif self.shuffle is not None:
            self.shuffle.shuffle(self.rows)

    def examples_of(self, rows: Rows, augment: Callable[[Array], Any] | None = None) -> Array:
        """Return the inputs of these rows (B, I), scaled, changed by `augment`, channels standardized."""
        stored, x = self.stored_x[: len(rows)], self.x[: len(rows)]
        np.take(self.source_x, rows, axis=0, out=stored, mode="clip")  # other modes copy the whole batch
        wide = self.wide_x[: len(rows)]
        if stored.dtype != wide.dtype:
            np.copyto(wide, stored)
        if isinstance(self.factor, Standardization):
            self.standardize(wide, self.missing[: len(x)])
            if wide.dtype != x.dtype:
                np.copyto(x, wide)
        else:
            x *= self.factor
        if augment is not None:
            augment(x)
        if self.channels is not None:
            self.channels(x)
        return x

    def labels_of(self, rows: Rows) -> NDArray[Any]:
        """Return the classes of these rows (B,), or their standardized targets (B, T)."""
        stored, y = self.stored_y[: len(rows)], self.y[: len(rows)]
        np.take(self.narrow_y, rows, axis=0, out=stored, mode="clip")
        if stored.dtype != y.dtype:
            np.copyto(y, stored)
        if self.target_scale is not None:
            mean, factor = self.target_scale
            y -= mean
            y *= factor
        return y
