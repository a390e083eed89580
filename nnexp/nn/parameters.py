"""All weights of a network in one contiguous vector, all gradients in its twin.

A layer asks for shapes and receives views; whoever wants "all weights" (an optimizer, a checkpoint, a norm) uses the vectors.
Write into a view, never rebind it: a rebound name no longer lies in the buffer.
"""

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]
Shape = tuple[int, ...]
Views = dict[str, Array]


class Parameters:
    """Named views into one buffer of two rows, weights and gradients, and into one of state.

    Matrices (and tensors) come first, vectors last, so "all matrices" is the slice `matrices`. State is what a layer learns
    without a gradient, such as the running mean of a batch normalisation.

    Args:
        shapes: the shape of each parameter by its name; the order within each kind is kept.
        dtype: of weights, gradients and state alike.
        state: the shape of each piece of state by its name.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        dtype: DTypeLike = np.float32,
        state: Mapping[str, Shape] | None = None,
    ) -> None:
        in_order = sorted(shapes, key=lambda name: len(shapes[name]) < 2)  # stable: matrices, then vectors
        self.shapes = [shapes[name] for name in in_order]
        self.theta: Array
        self.grad: Array
        self.theta, self.grad = np.zeros((2, sum(map(prod, self.shapes))), dtype)  # (P,), (P,)
        self.values = _views(self.theta, in_order, shapes)
        self.grads = _views(self.grad, in_order, shapes)
        self.matrices = slice(0, sum(prod(shape) for shape in self.shapes if len(shape) >= 2))
        state = state or {}
        self.state: Array = np.zeros(sum(map(prod, state.values())), dtype)  # (S,)
        self.states = _views(self.state, list(state), state)

    def __len__(self) -> int:
        """The number of weights."""
        return len(self.theta)


def _views(vector: Array, names: list[str], shapes: Mapping[str, Shape]) -> Views:
    """The vector cut into arrays of those shapes, in that order."""
    views, start = {}, 0
    for name in names:
        stop = start + prod(shapes[name])
        views[name] = vector[start:stop].reshape(shapes[name])
        start = stop
    return views
