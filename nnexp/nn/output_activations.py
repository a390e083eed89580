"""Output activations: from a network's outputs to probabilities, as its loss defines them.

N examples, O outputs.
"""

from typing import Literal

import numpy as np

from nnexp.nn.activations.activation import sigmoid
from nnexp.nn.parameters import Array

Link = Literal["softmax", "sigmoid", "identity"]
LINKS: tuple[Link, ...] = ("softmax", "sigmoid", "identity")


def probabilities(z: Array, link: Link) -> Array:
    """Compute the probabilities of outputs z (N, O) in a new array of the same type.

    Args:
        z: the outputs.
        link: softmax, exp(z) / sum of exp(z), for one class of several; sigmoid, 1 / (1 + exp(-z)), for a yes
            or no per output; identity, z clipped to [0, 1], where the targets are the numbers 0 and 1.
    """
    if link == "identity":
        return np.clip(z, 0, 1)
    p = np.empty_like(z)  # (N, O)
    if link == "sigmoid":
        return sigmoid(z, p)
    np.subtract(z, z.max(axis=1, keepdims=True), out=p)  # exp cannot overflow then
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p
