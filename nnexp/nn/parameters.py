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


class Parameters:
    """Named views into one buffer of two rows, weights and gradients.

    Matrices (and tensors) come first, vectors last, so "all matrices" is the slice `matrices`.

    Args:
        shapes: the shape of each parameter by its name; the order within each kind is kept.
        dtype: of weights and gradients alike.
    """

    def __init__(self, shapes: Mapping[str, Shape], dtype: DTypeLike = np.float32) -> None:
        in_order = sorted(shapes, key=lambda name: len(shapes[name]) < 2)  # stable: matrices, then vectors
        size = sum(prod(shape) for shape in shapes.values())
        self.theta: Array
        self.grad: Array
        self.theta, self.grad = np.zeros((2, size), dtype)  # (P,), (P,)
        self.values: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        start = 0
        for name in in_order:
            place = slice(start, start + prod(shapes[name]))
            self.values[name] = self.theta[place].reshape(shapes[name])
            self.grads[name] = self.grad[place].reshape(shapes[name])
            start = place.stop
        self.matrices = slice(0, sum(prod(shape) for shape in shapes.values() if len(shape) >= 2))

    def __len__(self) -> int:
        """The number of weights."""
        return len(self.theta)
