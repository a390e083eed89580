"""Diagnostics of each layer during training: gradients, updates, weights, activations. They change nothing.

Gradients and updates are measured in a few steps of every epoch, in buffers that are made once; the rest when
a record is made.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.nn.network import Network
from nnexp.training.diagnostics.activation_stats import ActivationStats, activation_after_each
from nnexp.training.diagnostics.histograms import Histograms
from nnexp.training.diagnostics.layer_diagnostics import LayerDiagnostics, named_layers

MAX_LAYERS = 12  # each has 6 metrics, and more columns make a table of runs unreadable


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


def evenly_spaced(names: list[str], most: int) -> list[str]:
    """Select at most so many names, evenly spaced, with the first and the last."""
    return [names[round(i)] for i in np.linspace(0, len(names) - 1, min(len(names), most))]
