"""Gradients, updates and weights of one layer, in a few steps; names of the layers that have weights."""

import re
from collections import Counter
from collections.abc import Iterator
from math import hypot, inf, sqrt
from typing import ClassVar

import numpy as np

from nnexp.nn.layer import Layer
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.training.diagnostics.histograms import thinning_stride

MAX_VALUES = 20_000  # of a layer, in its histograms


class LayerDiagnostics:
    """The sums of one layer with weights over the measured steps.

    Args:
        name: of the layer in metrics.
        layer: bound to its parameters.
    """

    scratch: ClassVar[tuple[str, ...]] = ("W_before", "b_scratch")

    def __init__(self, name: str, layer: Weighted) -> None:
        self.name = name
        self.layer = layer
        self.W = layer.W.ravel(order="K")  # view (I O,)
        self.dW = layer.dW.ravel(order="K")
        self.db = layer.db if layer.bias else self.dW[:0]
        self.W_before: Array = np.empty_like(self.W)  # scratch; the weights before a step, then their update
        self.b_scratch: Array = np.empty_like(self.db)
        self.stride = thinning_stride(self.W.size, layer.outputs, MAX_VALUES)
        self.gradient: Array = np.zeros_like(self.W[:: self.stride])  # of the last measured step
        self.start()

    def start(self) -> None:
        """Start a new record."""
        self.count = 0
        self.ratio_count = 0  # of the steps from weights that are not all 0
        self.weight_norm = 0.0
        self.grad_norm_sum = 0.0
        self.update_ratio_sum = 0.0

    def before_step(self) -> None:
        """Add the gradient's norm; copy the weights."""
        self.grad_norm_sum += self.measure_gradient()
        self.weight_norm = norm(self.W, self.W_before)
        np.copyto(self.W_before, self.W)

    def measure_gradient(self) -> float:
        """Return the gradient's norm; keep its values for a histogram."""
        np.copyto(self.gradient, self.dW[:: self.stride])
        return hypot(norm(self.dW, self.W_before), norm(self.db, self.b_scratch))

    def after_step(self) -> None:
        """Add the update's norm over that of the weights."""
        np.subtract(self.W, self.W_before, out=self.W_before)
        update_norm = norm(self.W_before, self.W_before)
        self.count += 1
        if self.weight_norm:
            self.update_ratio_sum += update_norm / self.weight_norm
            self.ratio_count += 1

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Yield the means over the measured steps, if there were any, and the norm of the present weights."""
        if self.count:
            yield "grad_norm", self.grad_norm_sum / self.count
        if self.ratio_count:
            yield "update_ratio", self.update_ratio_sum / self.ratio_count
        yield "weight_norm", norm(self.W, self.W_before)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield what histograms are made from, by name."""
        nonzero = self.gradient[self.gradient != 0]
        yield f"{self.name}/weights", self.W[:: self.stride]
        yield f"{self.name}/gradients", np.log10(np.abs(nonzero, dtype=np.float64))


def named_layers(network: Network) -> dict[str, Weighted]:
    """Name the layers with weights in forward order, counted by class: dense1, dense2, conv1."""
    counts: Counter[str] = Counter()
    layers = {}
    for layer in network.walk():
        if isinstance(layer, Weighted):
            counts[kind_of(layer)] += 1
            layers[f"{kind_of(layer)}{counts[kind_of(layer)]}"] = layer
    return layers


def kind_of(layer: Layer) -> str:
    """Return what a layer's name begins with: its class in lower case, without the dimensions."""
    return re.sub(r"\d+d$", "", type(layer).__name__.lower())


def norm(vector: Array, scratch: Array) -> float:
    """Return the Euclidean norm; where squares would overflow or underflow, that of the scaled vector.

    Vanishing gradients of deep networks need that.

    Args:
        vector: contiguous.
        scratch: of the same size, is overwritten; may be the vector.
    """
    squares = float(np.dot(vector, vector))
    limits = np.finfo(vector.dtype)
    if limits.tiny / limits.eps < squares < inf:
        return sqrt(squares)
    largest = max(float(vector.max(initial=0)), -float(vector.min(initial=0)))
    if not 0 < largest < inf:
        return largest
    np.divide(vector, largest, out=scratch)
    return largest * sqrt(np.dot(scratch, scratch))
