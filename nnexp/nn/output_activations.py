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


def all_log_odds(z: Array, activation: OutputActivation) -> Doubles:
    """Compute log p / (1 - p) of all probabilities p of outputs z, (N, O), in float64.

    Those of softmax and sigmoid never saturate; 0 and 1, which the identity gives, are moved by rounding.
    """
    if activation == "sigmoid":
        return z.astype(np.float64)
    if activation == "identity":
        limits = np.finfo(np.float64)
        p = probabilities(z, activation).clip(limits.tiny, 1 - limits.epsneg)
        return np.asarray(np.log(p) - np.log1p(-p))
    log_p: Doubles = z.astype(np.float64)  # (N, C)
    log_p -= np.logaddexp.reduce(log_p, axis=1, keepdims=True)
    largest = log_p.argmax(axis=1)[:, None]
    of_largest = log_odds(z, largest[:, 0])[:, None]
    np.put_along_axis(
        log_p, largest, -np.inf, axis=1
    )  # 1 - p of the others is at least 1/2: no digits are lost
    odds = log_p - np.log1p(-np.exp(log_p))
    np.put_along_axis(odds, largest, of_largest, axis=1)
    return odds
