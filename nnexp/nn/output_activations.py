"""From a network's outputs to probabilities: the link that its loss speaks of.

N examples, O outputs.
"""

from typing import Literal

import numpy as np

from nnexp.nn.activations.activation import sigmoid
from nnexp.nn.parameters import Array

Link = Literal["softmax", "sigmoid", "identity"]
LINKS: tuple[Link, ...] = ("softmax", "sigmoid", "identity")


def probabilities(z: Array, link: Link) -> Array:
    """What outputs z (N, O) say in [0, 1], (N, O), in a new array of the same type.

    Args:
        z: the outputs.
        link: softmax, exp(z) / sum of exp(z), for losses that compare classes with each other; sigmoid, 1 / (1 + exp(-z)), for those
            that ask of each output yes or no; identity, z itself cut to [0, 1], where the network learnt the code of 0 and 1 as numbers.
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
