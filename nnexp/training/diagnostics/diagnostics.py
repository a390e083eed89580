"""Diagnostics of each layer during training: gradients, updates, weights, activations. They change nothing.

Gradients and updates are measured in a few steps of every epoch, in buffers that are made once; the rest when
a record is made; and before the first update, what the initialization gives.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.batches import Batches
from nnexp.nn.layers.containers import Observers
from nnexp.nn.network import Network
from nnexp.training.diagnostics.activation_stats import (
    ActivationStats,
    activation_after_each,
    activation_metrics,
)
from nnexp.training.diagnostics.histograms import Histograms
from nnexp.training.diagnostics.initial_diagnostics import InitialDiagnostics
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
        self.initial: InitialDiagnostics | None = InitialDiagnostics(self.layers, self.activations, self.last)

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

    @property
    def initial_observers(self) -> Observers | None:
        """Observers of the activations in batches of the first step; None where they are not measured."""
        return self.initial.observers if self.initial is not None and self.has_metrics else None

    @np.errstate(all="ignore")
    def before_first_step(self) -> None:
        """Measure weights and gradients of the initialization; keep their histograms, as those of step 0."""
        if self.initial is None or self.initial.is_complete:
            return
        self.initial.measure()
        self.keep_histograms(0)

    def take_initial(self, at_end: bool = False) -> dict[str, float]:
        """Return, once, the metrics of the initialization; nothing before its first step, but at the end.

        A run that diverges at its first batch has its activations.
        """
        if self.initial is None or not (self.initial.is_complete or at_end):
            return {}
        metrics = dict(self.initial.metrics()) if self.has_metrics else {}
        self.initial = None
        return metrics

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
        self.keep_histograms(at)
        return dict(self.metrics()) if self.has_metrics else {}

    def keep_histograms(self, at: int) -> None:
        """Keep histograms of weights and gradients, if they are asked for."""
        if self.kept_histograms is not None:
            self.kept_histograms.add(at, (named for layer in self.layers for named in layer.arrays()))

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Measure weights and activations, and yield all metrics of each layer."""
        for layer in self.layers:
            for metric, value in layer.metrics():
                yield f"{metric}/{layer.name}", value
        yield from activation_metrics(self.activation_stats(), self.last)

    def activation_stats(self) -> dict[str, ActivationStats]:
        """Measure the activations of all layers in one pass over the examples."""
        stats = {name: ActivationStats() for name in self.activations}
        observers = {activation: stats[name].add for name, activation in self.activations.items()}
        for start in range(0, len(self.rows), self.validation.size):
            rows = self.rows[start : start + self.validation.size]
            self.network.forward(self.validation.examples_of(rows), observe=observers)
        return stats

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what is kept for plots: histograms, and "<layer>/size", the weights and biases it has."""
        sizes = {f"{layer.name}/size": np.array(layer.W.size + layer.db.size) for layer in self.layers}
        return sizes | self.histograms()

    def histograms(self) -> dict[str, NDArray[Any]]:
        """Return those of all records, for `np.savez`, under the names of `Histograms.arrays`.

        "<layer>/weights" as they were evaluated; "<layer>/gradients": log10 |g| of the last measured step.
        """
        return {} if self.kept_histograms is None else self.kept_histograms.arrays()


def evenly_spaced(names: list[str], most: int) -> list[str]:
    """Select at most so many names, evenly spaced, with the first and the last."""
    return [names[round(i)] for i in np.linspace(0, len(names) - 1, min(len(names), most))]
