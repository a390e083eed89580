"""Statistics of a layer's outputs over many examples: mean, standard deviation and dead units.

B batch, C units or channels.
"""

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.activations.activation import Activation
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Container
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.layers.dropout import StochasticLayer
from nnexp.nn.layers.normalization import BatchNorm, LayerNorm
from nnexp.nn.parameters import Array


class ActivationStats:
    """The outputs of one layer, accumulated batch by batch."""

    def __init__(self) -> None:
        self.size = 0
        self.examples = 0
        self.mean = 0.0
        self.squared_deviations = 0.0  # their sum
        self.first: Array | None = None  # output of all examples, (1, C, ...)
        self.is_active: NDArray[Any] | None = None  # units whose output varies, (C,)

    def add(self, y: Array) -> None:
        """Add outputs y (B, C, ...); means and squares are merged as in Chan et al. 1979, eq. 2.1."""
        delta = float(np.mean(y, dtype=np.float64)) - self.mean
        size = self.size + y.size
        squared_deviations = float(np.var(y, dtype=np.float64)) * y.size
        self.squared_deviations += squared_deviations + delta * delta * (self.size * y.size / size)
        self.mean += delta * (y.size / size)
        self.size = size
        self.examples += len(y)
        if self.first is None:
            self.first = y[:1].copy()
            self.is_active = np.zeros(y.shape[1], bool)
        self.is_active |= np.any(y != self.first, axis=(0, *range(2, y.ndim)))

    @property
    def std(self) -> float:
        """The standard deviation of all outputs."""
        return sqrt(self.squared_deviations / self.size)

    @property
    def dead_units(self) -> float | None:
        """The share of units with the same output for all examples; None for fewer than two examples."""
        if self.is_active is None or self.examples < 2:
            return None
        return float(np.mean(~self.is_active))


def activation_metrics(stats: Mapping[str, ActivationStats], last: str | None) -> Iterator[tuple[str, float]]:
    """Yield the metrics of each measured layer; the outputs of the last one are logits and never dead."""
    for name, of_layer in stats.items():
        if not of_layer.size:
            continue
        yield f"activation_mean/{name}", of_layer.mean
        yield f"activation_std/{name}", of_layer.std
        if name != last and of_layer.dead_units is not None:
            yield f"dead_units/{name}", of_layer.dead_units


def activation_after_each(container: Container) -> dict[Weighted, Layer]:
    """Map each layer with weights to the activation that follows it in its stack, else to itself."""
    activations: dict[Weighted, Layer] = {}
    layers = list(container.children.values())
    for i, layer in enumerate(layers):
        if isinstance(layer, Weighted):
            activations[layer] = _first_activation(layers[i + 1 :]) or layer
        if isinstance(layer, Container):
            activations |= activation_after_each(layer)
    return activations


def _first_activation(layers: list[Layer]) -> Layer | None:
    """Return the first activation, if only normalization and stochastic layers precede it."""
    for layer in layers:
        if isinstance(layer, Activation):
            return layer
        if not isinstance(layer, BatchNorm | LayerNorm | StochasticLayer):
            break
    return None
