"""All weights of a network in one contiguous vector, all gradients in its twin.

A layer asks for shapes and receives views; an optimizer, a checkpoint or a norm uses the vectors. Write into
a view, never rebind it: a rebound name no longer lies in the vector.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import prod

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Shape = tuple[int, ...]
Views = dict[str, Array]
LINE = 64  # bytes of a cache line
PAGE = 4096  # bytes of a page of memory


class Parameters:
    """Named views into a vector of weights and one of gradients, and into one of state.

    Matrices (and tensors) come first, vectors last, each in the given order, so "all matrices" is the slice
    `matrix_slice`. State is what a layer learns without a gradient, such as a running mean.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        dtype: DTypeLike = np.float32,
        state: Mapping[str, Shape] | None = None,
        vectors: tuple[Array, Array] | None = None,  # theta and grad, in place of new ones
    ) -> None:
        ordered = {name: shapes[name] for name in sorted(shapes, key=lambda name: len(shapes[name]) < 2)}
        self.shapes = list(ordered.values())
        self._size = sum(map(prod, self.shapes))
        self._dtype = np.dtype(dtype)
        self._vectors = 0  # allocated
        self.theta: Array
        self.grad: Array
        self.theta, self.grad = vectors or (self.new_vector(), self.new_vector())  # (P,), (P,)
        self.values: Views = dict(zip(ordered, self.views(self.theta), strict=True))
        self.grads: Views = dict(zip(ordered, self.views(self.grad), strict=True))
        self.matrix_slice = slice(0, sum(prod(shape) for shape in self.shapes if len(shape) >= 2))
        state = state or {}
        self.state: Array = np.zeros(sum(map(prod, state.values())), dtype)  # (S,)
        self.states: Views = dict(zip(state, _views(self.state, state.values()), strict=True))

    def __len__(self) -> int:
        """Count the weights."""
        return len(self.theta)

    def new_vector(self) -> Array:
        """Allocate zeros (P,), for example for an optimizer's moments.

        They begin at a cache line, so that no read or write of the processor's vectors is split in two, and
        each vector at another place within a page: those at the same place wait for each other.
        """
        size = self._size * self._dtype.itemsize
        memory = np.zeros(size + PAGE, np.uint8)
        start = (self._vectors * LINE - memory.ctypes.data) % PAGE
        self._vectors += 1
        return memory[start : start + size].view(self._dtype)

    def views(self, vector: Array) -> Iterator[Array]:
        """Yield each parameter's view of a vector (P,), for example of an optimizer's moments."""
        return _views(vector, self.shapes)

    def matrices(self, vector: Array) -> Iterator[Array]:
        """Yield each matrix (I, O) as a view of a vector (P,) or of its `matrix_slice`.

        A kernel (C, K, K, O) is the matrix (C K K, O) that patches are multiplied with.
        """
        shapes = [(prod(shape[:-1]), shape[-1]) for shape in self.shapes if len(shape) >= 2]
        return _views(vector, shapes)

    def without_matrices(self) -> "Parameters":
        """Return the parameters that are vectors, in the same memory."""
        shapes = {name: value.shape for name, value in self.values.items() if value.ndim < 2}
        start = self.matrix_slice.stop
        vectors = self.theta[start:], self.grad[start:]
        return Parameters(shapes, self._dtype, vectors=vectors)


def _views(vector: Array, shapes: Iterable[Shape]) -> Iterator[Array]:
    """Cut a vector into arrays of those shapes, in that order."""
    start = 0
    for shape in shapes:
        stop = start + prod(shape)
        yield vector[start:stop].reshape(shape)
        start = stop
