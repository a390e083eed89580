"""Output activations: from a network's outputs to probabilities, as its loss defines them, in float64.

N examples, O outputs, C classes.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.parameters import Array

OutputActivation = Literal["softmax", "sigmoid", "identity"]
Doubles = NDArray[np.float64]
OUTPUT_ACTIVATIONS: tuple[OutputActivation, ...] = ("softmax", "sigmoid", "identity")


def probabilities(z: Array, activation: OutputActivation) -> Doubles:
    """Compute the probabilities of outputs z (N, O): in float64, where those near 1 still differ.

    Softmax, exp(z) / sum of exp(z), is for one class of several; sigmoid, 1 / (1 + exp(-z)), for a yes or no
    per output; identity clips to [0, 1] what was learned as the numbers 0 and 1.
    """
    p: Doubles = z.astype(np.float64)  # (N, O)
    if activation == "identity":
        return np.clip(p, 0, 1, out=p)
    if activation == "sigmoid":
        return np.asarray(np.exp(-np.logaddexp(0, -p)))
    p -= p.max(axis=1, keepdims=True)  # exp cannot overflow then
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    return p


def log_odds(z: Array, predicted: NDArray[np.int64]) -> Doubles:
    """Compute log p / (1 - p) of the predicted classes (N,), p = softmax(z), z (N, C): it never saturates.

    That is z[k] - log of the sum over j != k of exp(z[j]): for two classes the difference of their outputs.
    """
    z = z.astype(np.float64)
    column = predicted[:, None]
    z -= np.take_along_axis(z, column, axis=1)
    np.put_along_axis(z, column, -np.inf, axis=1)
    return np.asarray(-np.logaddexp.reduce(z, axis=1))
