"""The first NaN or infinite number of a training step, and where it arose.

Training only compares a batch's loss and a step's gradient norm with infinity. What is not finite is located
afterwards, in one more pass over the batch, in the order of computation: inputs, then for each layer its
weights and its outputs, then the loss, its gradient, and the gradients of the layers from the last to the
first. B batch.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf, isfinite, isnan, nan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Container
from nnexp.nn.losses.loss import Loss, Targets
from nnexp.nn.network import Network
from nnexp.nn.parameters import Array, Views
from nnexp.training.diagnostics.layer_diagnostics import kind_of
from nnexp.training.record import Record

Quantity = Literal["loss", "gradient", "validation loss", "weights"]


class NonFiniteError(ArithmeticError):
    """A quantity of training is NaN or infinite; of a loss or a gradient, the step was not made."""

    def __init__(self, quantity: Quantity, value: float) -> None:
        verb = "are" if quantity == "weights" else "is"
        super().__init__(f"the {quantity} {verb} {describe_value(value)}")
        self.quantity = quantity


@dataclass
class Origin:
    """Where the first value arose that is not finite, and the largest finite magnitudes before it."""

    place: str = ""  # inputs, targets, weights, state, outputs, loss, loss gradient, gradient; empty: none
    layer: str = ""  # "dense2", as in the names of metrics; empty where it is in no layer
    value: str = ""  # "NaN" or "infinite"
    largest: dict[str, float] = field(default_factory=dict)  # magnitudes of inputs, targets, weights, outputs
    weights_of: str = ""  # the layer of the largest weight
    extreme_input: int = 0  # the input that is not finite, or the largest

    def __bool__(self) -> bool:
        return bool(self.place)

    def look_at(self, place: str, values: NDArray[Any], layer: str = "") -> None:
        """Look at more values in the order of computation, unless the first invalid one was before."""
        if self:
            return
        finite = np.isfinite(values)
        if not finite.all():
            self.place = place
            self.layer = layer
            self.value = describe_value(nan if np.isnan(values).any() else inf)
        largest = float(np.abs(values[finite]).max(initial=0))
        if largest > self.largest.get(place, -1.0):
            self.largest[place] = largest
            if place == "weights":
                self.weights_of = layer


@np.errstate(all="ignore")
def locate(
    network: Network, loss: Loss, batch: tuple[Array, Targets], gradients: bool = False, training: bool = True
) -> Origin:
    """Locate the first value that is not finite in a pass over a batch.

    Args:
        network: with the weights that the batch met; its state is kept, random streams move on.
        loss: allocated for the network's outputs.
        batch: inputs (B, ...) and targets.
        gradients: whether `network.grad` holds the gradient that is not finite.
        training: whether layers work as in training.
    """
    x, y = batch
    origin = Origin()
    origin.look_at("inputs", x)
    origin.extreme_input = int(np.abs(x).argmax()) % x.shape[-1]
    origin.look_at("targets", y)
    paths = {layer: path for path, layer in layers_of(network.stack)}
    names = numbered(paths)
    state = network.state.copy()

    def observe(layer: Layer, outputs: Array) -> None:
        look_at_weights(origin, network, paths[layer], names[layer])
        origin.look_at("outputs", outputs, names[layer])

    z = network.forward(x, training, {layer: partial(observe, layer) for layer in paths})
    np.copyto(network.state, state)
    origin.look_at("loss", np.array([loss.forward(z, y)]))
    if gradients:
        origin.look_at("loss gradient", loss.backward())
        for layer in reversed(paths):
            for view in below(paths[layer], network.parameters.grads):
                origin.look_at("gradient", view, names[layer])
    return origin


@np.errstate(all="ignore")
def locate_weights(network: Network) -> Origin:
    """Locate the first weight or running statistic that is not finite, in forward order."""
    origin = Origin()
    paths = {layer: path for path, layer in layers_of(network.stack)}
    for layer, name in numbered(paths).items():
        look_at_weights(origin, network, paths[layer], name)
    return origin


def look_at_weights(origin: Origin, network: Network, path: str, layer: str) -> None:
    """Look at the parameters and the state of a layer, whose names begin with a path."""
    for view in below(path, network.parameters.values):
        origin.look_at("weights", view, layer)
    for view in below(path, network.parameters.states):
        origin.look_at("state", view, layer)


def below(path: str, views: Views) -> Iterator[Array]:
    """Yield the views whose names begin with a path."""
    return (view for name, view in views.items() if name.startswith(path))


def layers_of(container: Container, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield each layer with the path that its parameters' names begin with; a container after its layers."""
    for path, layer in container.children.items():
        if isinstance(layer, Container):
            yield from layers_of(layer, prefix + path)
        yield prefix + path, layer


def numbered(layers: Iterable[Layer]) -> dict[Layer, str]:
    """Name layers in forward order, counted by class as in the names of metrics: dense1, relu1, dense2."""
    counts: Counter[str] = Counter()
    names = {}
    for layer in layers:
        counts[kind_of(layer)] += 1
        names[layer] = f"{kind_of(layer)}{counts[kind_of(layer)]}"
    return names


def check_record(record: Record) -> None:
    """Raise a NonFiniteError if a loss of an evaluation is NaN or infinite."""
    if record.val_loss is not None and not isfinite(record.val_loss):
        raise NonFiniteError("validation loss", record.val_loss)
    if not isfinite(record.train_loss):
        raise NonFiniteError("loss", record.train_loss)


def check_weights(network: Network) -> None:
    """Raise a NonFiniteError if a weight or a running statistic is NaN or infinite."""
    if not is_finite(network):
        is_nan = np.isnan(network.theta).any() or np.isnan(network.state).any()
        raise NonFiniteError("weights", nan if is_nan else inf)


def is_finite(network: Network) -> bool:
    """Return whether all weights and running statistics are finite."""
    return bool(np.isfinite(network.theta).all() and np.isfinite(network.state).all())


def describe_value(value: float) -> str:
    """Describe a number that is not finite: NaN or infinite."""
    return "NaN" if isnan(value) else "infinite"
