"""Diagnostics of each layer during training: gradients, updates, weights, activations. They change nothing.

Gradients and updates are measured in a few steps of every epoch, in buffers that are made once; the rest when
a record is made.
"""

import re
from collections import Counter
from collections.abc import Iterator
from math import hypot, inf, sqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.nn.layer import Layer
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.training.activation_stats import ActivationStats, activation_after_each
from nnexp.training.histograms import Histograms, thinning_stride

MAX_LAYERS = 12  # each has 6 metrics, and more columns make a table of runs unreadable
MAX_VALUES = 20_000  # of a layer, in its histograms


class Diagnostics:
    """Measures the layers of a network that have weights; of more than 12 of them, 12 that are evenly spaced.

    Args:
        network: initialized or not.
        validation: the source of the examples that activations are measured on.
        layers: whether to measure metrics of each layer.
        histograms: whether to keep histograms of weights and gradients.
        examples: how many validation examples to use, evenly spaced.
        steps: how many steps of an epoch to measure, evenly spaced.
    """

    def __init__(
        self,
        network: Network,
        validation: Batches,
        layers: bool = True,
        histograms: bool = True,
        examples: int = 256,
        steps: int = 8,
    ) -> None:
        self.network = network
        self.validation = validation
        self.has_metrics = layers
        self.kept_histograms = Histograms() if histograms else None
        self.steps = steps
        all_layers = named_layers(network)
        names = list(all_layers)
        self.last = names[-1] if names else None  # its outputs are logits, and none of them is dead
        self.layers = [LayerDiagnostics(name, all_layers[name]) for name in evenly_spaced(names, MAX_LAYERS)]
        activations = activation_after_each(network.stack)
        self.activations = {layer.name: activations.get(layer.layer, layer.layer) for layer in self.layers}
        count = min(examples, len(validation.rows))
        self.rows = validation.rows[np.arange(count) * len(validation.rows) // max(count, 1)]
        self.due: frozenset[int] = frozenset()  # the steps to measure, by the steps taken before

    def start(self, step: int, steps: int, may_end_early: bool = False) -> None:
        """Start a new record, and choose the steps to measure.

        Args:
            step: the steps taken so far.
            steps: those until the record is made.
            may_end_early: whether it may be made before: its first step is then measured, if only that.
        """
        count = min(self.steps, steps)
        offset = 0.0 if may_end_early else 0.5  # middles: the run's first step is untypical
        self.due = frozenset(step + int((i + offset) * steps / count) for i in range(count))
        for layer in self.layers:
            layer.start()

    @np.errstate(all="ignore")
    def before_step(self) -> None:
        """Measure gradients, before penalties and clipping, and copy the weights."""
        for layer in self.layers:
            layer.before_step()

    @np.errstate(all="ignore")
    def after_step(self) -> None:
        """Measure the updates of the weights."""
        for layer in self.layers:
            layer.after_step()

    @np.errstate(all="ignore")
    def measure(self, at: int) -> dict[str, float]:
        """Return the metrics of a record, by the names they are logged under; keep its histograms."""
        if self.kept_histograms is not None:
            self.kept_histograms.add(at, (named for layer in self.layers for named in layer.arrays()))
        return dict(self.metrics()) if self.has_metrics else {}

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Measure weights and activations, and yield all metrics of each layer."""
        for layer in self.layers:
            for metric, value in layer.metrics():
                yield f"{metric}/{layer.name}", value
        for name, stats in self.activation_stats().items():
            yield f"activation_mean/{name}", stats.mean
            yield f"activation_std/{name}", stats.std
            if name != self.last and stats.dead_units is not None:
                yield f"dead_units/{name}", stats.dead_units

    def activation_stats(self) -> dict[str, ActivationStats]:
        """Measure the activations of all layers in one pass over the examples."""
        stats = {name: ActivationStats() for name in self.activations}
        observers = {activation: stats[name].add for name, activation in self.activations.items()}
        for start in range(0, len(self.rows), self.validation.size):
            rows = self.rows[start : start + self.validation.size]
            self.network.forward(self.validation.examples_of(rows), observe=observers)
        return stats

    def histograms(self) -> dict[str, NDArray[Any]]:
        """Return those of all records, for `np.savez`, under the names of `Histograms.arrays`.

        "<layer>/weights" as they were evaluated; "<layer>/gradients": log10 |g| of the last measured step.
        """
        return {} if self.kept_histograms is None else self.kept_histograms.arrays()


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
        self.W_before: Array = np.empty_like(self.W)  # the weights before a step, then their update
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
        self.grad_norm_sum += hypot(norm(self.dW, self.W_before), norm(self.db, self.b_scratch))
        np.copyto(self.gradient, self.dW[:: self.stride])
        self.weight_norm = norm(self.W, self.W_before)
        np.copyto(self.W_before, self.W)

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


def evenly_spaced(names: list[str], most: int) -> list[str]:
    """Select at most so many names, evenly spaced, with the first and the last."""
    return [names[round(i)] for i in np.linspace(0, len(names) - 1, min(len(names), most))]


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
