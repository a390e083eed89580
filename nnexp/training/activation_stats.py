"""What comes out of a layer over many examples: mean, deviation, and the units that say the same of all of them.

B batch, C units or channels.
"""

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

Array = NDArray[np.floating]


class ActivationStats:
    """The outputs of one layer, added up batch by batch."""

    def __init__(self) -> None:
        self.size = self.examples = 0
        self.mean = self.squares = 0.0  # squares: the sum of squared deviations from the mean
        self.first: Array | None = None  # of all examples, (1, C, ...)
        self.alive: NDArray[Any] | None = None  # units that told two examples apart, (C,)

    def add(self, y: Array) -> None:
        """Outputs y (B, C, ...), looked at while they last; means and squares are merged as in Chan et al. 1979, eq. 2.1."""
        size, mean, squares = (
            y.size,
            float(np.mean(y, dtype=np.float64)),
            float(np.var(y, dtype=np.float64)) * y.size,
        )
        apart, both = mean - self.mean, self.size + size
        self.squares += squares + apart * apart * (self.size * size / both)
        self.mean += apart * (size / both)
        self.size, self.examples = both, self.examples + len(y)
        if self.first is None:
            self.first, self.alive = y[:1].copy(), np.zeros(y.shape[1], bool)
        self.alive |= np.any(y != self.first, axis=(0, *range(2, y.ndim)))

    @property
    def deviation(self) -> float:
        """Of all numbers from their mean."""
        return sqrt(self.squares / self.size)

    @property
    def dead(self) -> float | None:
        """The share of units whose output was the same for all examples; None where a single one could not differ."""
        return None if self.alive is None or self.examples < 2 else float(np.mean(~self.alive))


def outlets(container: Container) -> dict[Weighted, Layer]:
    """For each layer with weights the one whose output is its activation; itself where no activation follows in its row."""
    found: dict[Weighted, Layer] = {}
    layers = list(container.children.values())
    for i, layer in enumerate(layers):
        if isinstance(layer, Weighted):
            found[layer] = _activation(layers[i + 1 :]) or layer
        if isinstance(layer, Container):
            found |= outlets(layer)
    return found


def _activation(behind: list[Layer]) -> Layer | None:
    """The activation that these layers begin with, but for normalisations and what does nothing outside training."""
    for layer in behind:
        if isinstance(layer, Activation):
            return layer
        if not isinstance(layer, BatchNorm | LayerNorm | StochasticLayer):
            break
    return None
