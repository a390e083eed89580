"""Diagnostics before the first update: activations and gradients that the initialization gives."""

from collections.abc import Iterator, Mapping, Sequence

from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Observers
from nnexp.training.diagnostics.activation_stats import ActivationStats, activation_metrics
from nnexp.training.diagnostics.layer_diagnostics import LayerDiagnostics, norm


class InitialDiagnostics:
    """Measures the batches of the first step as they train: with dropout, and normalized by the batch.

    Args:
        layers: that have weights.
        activations: the layer whose outputs are measured, for each of them by name.
        last: the name of the layer that gives the logits.
    """

    def __init__(
        self, layers: Sequence[LayerDiagnostics], activations: Mapping[str, Layer], last: str | None
    ) -> None:
        self.layers = layers
        self.last = last
        self.stats = {name: ActivationStats() for name in activations}
        self.observers: Observers = {layer: self.stats[name].add for name, layer in activations.items()}
        self.norms: dict[str, float] = {}  # measured at the step itself

    @property
    def is_complete(self) -> bool:
        """Whether the first step was measured, not only batches before it."""
        return bool(self.norms)

    def measure(self) -> None:
        """Measure the gradient before penalties and clipping, and the weights."""
        for layer in self.layers:
            self.norms[f"grad_norm/{layer.name}"] = layer.measure_gradient()
            self.norms[f"weight_norm/{layer.name}"] = norm(layer.W, layer.W_before)

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Yield what was measured, by the names that it is logged under."""
        yield from self.norms.items()
        yield from activation_metrics(self.stats, self.last)
