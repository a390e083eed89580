"""Output activations: from a network's outputs to probabilities, as its loss defines them.

N examples, O outputs.
"""

from typing import Literal

import numpy as np

from nnexp.nn.activations.activation import sigmoid
from nnexp.nn.parameters import Array

OutputActivation = Literal["softmax", "sigmoid", "identity"]
OUTPUT_ACTIVATIONS: tuple[OutputActivation, ...] = ("softmax", "sigmoid", "identity")


def probabilities(z: Array, activation: OutputActivation) -> Array:
    """Compute the probabilities of outputs z (N, O) in a new array of the same type.

    Softmax, exp(z) / sum of exp(z), is for one class of several; sigmoid, 1 / (1 + exp(-z)), for a yes or no
    per output; identity clips to [0, 1] what was learned as the numbers 0 and 1.
    """
    if activation == "identity":
        return np.clip(z, 0, 1)
    p = np.empty_like(z)  # (N, O)
    if activation == "sigmoid":
        return sigmoid(z, p)
    np.subtract(z, z.max(axis=1, keepdims=True), out=p)  # exp cannot overflow then
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p
