"""What is measured of each layer while a network learns: gradients, updates, weights, activations. Nothing of it is changed.

Gradients and updates are looked at in a few steps of every epoch, into buffers that were made once; the rest when a record is made.
"""

import re
from collections import Counter
from collections.abc import Iterator
from math import hypot, inf, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.layers.dense import Weighted
from nnexp.nn.network import Network
from nnexp.training.activation_stats import ActivationStats, outlets
from nnexp.training.histograms import Histograms, thinning

Array = NDArray[np.floating]
MOST_LAYERS = 12  # more columns than 6 for each of these help nobody who looks at a table of runs
MOST_NUMBERS = 20_000  # of a layer, in its histograms


class Stored(Protocol):
    """What is asked of the validation examples: which rows there are, and any B of them as the network sees them."""

    rows: NDArray[np.int64]
    size: int

    def examples_of(self, rows: NDArray[np.int64]) -> Array: ...


class Diagnostics:
    """Watches the layers of a network that have weights; of more than 12 of them, 12 that are evenly spread.

    Args:
        network: initialised or not.
        validation: where the examples come from that activations are looked at on.
        layers: whether numbers are told of each layer.
        histograms: whether weights and gradients are counted in bins.
        examples: how many are looked at, spread evenly over the validation examples.
        steps: of an epoch that are looked at, spread evenly.
    """

    def __init__(
        self,
        network: Network,
        validation: Stored,
        layers: bool = True,
        histograms: bool = True,
        examples: int = 256,
        steps: int = 8,
    ) -> None:
        self.network, self.validation, self.tells, self.steps = network, validation, layers, steps
        self.kept = Histograms() if histograms else None
        every = named_layers(network)
        self.last = next(reversed(every), None)  # its outputs are logits, and none of them is dead
        self.watched = [Watched(name, every[name]) for name in evenly(list(every), MOST_LAYERS)]
        outlet = outlets(network.stack)
        self.outlets = {watched.name: outlet.get(watched.layer, watched.layer) for watched in self.watched}
        count = min(examples, len(validation.rows))
        self.rows = validation.rows[np.arange(count) * len(validation.rows) // max(count, 1)]
        self.due: frozenset[int] = frozenset()

    def start(self, step: int, steps: int, may_end_early: bool = False) -> None:
        """Begin a new record.

        Args:
            step: the steps taken so far.
            steps: those until the record is made.
            may_end_early: it may be made before: the first step is looked at then, which may remain the only one.
        """
        looks = min(self.steps, steps)
        half = (
            0 if may_end_early else steps
        )  # from the middle of each part: the first step of all is like no other
        self.due = frozenset(step + (2 * i * steps + half) // (2 * looks) for i in range(looks))
        for watched in self.watched:
            watched.clear()

    def is_due(self, step: int) -> bool:
        """Whether the step after so many steps is looked at."""
        return step in self.due

    def before_step(self) -> None:
        """Look at gradients, as they are before penalties and clipping, and at the weights that will move."""
        with np.errstate(all="ignore"):
            for watched in self.watched:
                watched.before_step()

    def after_step(self) -> None:
        """Look at how far the weights have moved."""
        with np.errstate(all="ignore"):
            for watched in self.watched:
                watched.after_step()

    def measure(self, at: int) -> dict[str, float]:
        """What is to be told of the layers at that epoch or step, by the names it is logged under; histograms are kept."""
        with np.errstate(all="ignore"):
            if self.kept is not None and self.kept.is_wanted():
                self.kept.add(at, dict(numbers for watched in self.watched for numbers in watched.numbers()))
            if not self.tells:
                return {}
            found: dict[str, float] = {}
            for watched in self.watched:
                found |= {f"{name}/{watched.name}": value for name, value in watched.metrics()}
            for name, activity in self.activities().items():
                found |= {
                    f"activation_mean/{name}": activity.mean,
                    f"activation_std/{name}": activity.deviation,
                }
                if name != self.last and activity.dead is not None:
                    found[f"dead_units/{name}"] = activity.dead
            return found

    def activities(self) -> dict[str, ActivationStats]:
        """What comes out of each layer for the examples, all of them looked at in the same passes."""
        found = {name: ActivationStats() for name in self.outlets}
        looks = {layer: found[name].add for name, layer in self.outlets.items()}
        for start in range(0, len(self.rows), self.validation.size):
            x = self.validation.examples_of(self.rows[start : start + self.validation.size])
            self.network.forward(x, observe=looks)
        return found

    def histograms(self) -> dict[str, NDArray[Any]]:
        """Those of all records, for `np.savez`: "steps" (R,), "<layer>/weights/counts" (R, B), "<layer>/weights/edges" (R, B + 1).

        Weights as they were evaluated; under "<layer>/gradients/" log10 |g| of the last step that was looked at, without zeros.
        """
        return {} if self.kept is None else self.kept.arrays()


class Watched:
    """A layer with weights, and the sums over the steps that were looked at.

    Args:
        name: it goes by.
        layer: bound to its parameters.
    """

    def __init__(self, name: str, layer: Weighted) -> None:
        self.name, self.layer = name, layer
        self.W, self.dW = layer.W.ravel(order="K"), layer.dW.ravel(order="K")  # views (I O,)
        self.db = layer.db if layer.bias else self.dW[:0]
        self.scratch: Array = np.empty_like(self.W)  # the weights before a step, then the way they went
        self.scratch_b: Array = np.empty_like(self.db)
        self.stride = thinning(self.W.size, layer.outputs, MOST_NUMBERS)
        self.gradient: Array = np.zeros_like(self.W[:: self.stride])  # the last that was looked at
        self.clear()

    def clear(self) -> None:
        """Begin a new record."""
        self.count = 0
        self.before = self.gradients = self.ratios = 0.0

    def before_step(self) -> None:
        """Add the gradient's length; keep the weights."""
        self.gradients += hypot(length(self.dW, self.scratch), length(self.db, self.scratch_b))
        np.copyto(self.gradient, self.dW[:: self.stride])
        self.before = length(self.W, self.scratch)
        np.copyto(self.scratch, self.W)

    def after_step(self) -> None:
        """Add the length of the way that the weights went, in lengths of the weights."""
        np.subtract(self.W, self.scratch, out=self.scratch)
        moved = length(self.scratch, self.scratch)
        self.ratios += moved / self.before if self.before else 0.0
        self.count += 1

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Means over the steps that were looked at, if there were any, and the weights' length now."""
        if self.count:
            yield "grad_norm", self.gradients / self.count
            yield "update_ratio", self.ratios / self.count
        yield "weight_norm", length(self.W, self.scratch)

    def numbers(self) -> Iterator[tuple[str, Array]]:
        """What histograms are made of, by name."""
        yield f"{self.name}/weights", self.W[:: self.stride]
        yield f"{self.name}/gradients", np.log10(np.abs(self.gradient[self.gradient != 0], dtype=np.float64))


def named_layers(network: Network) -> dict[str, Weighted]:
    """The layers with weights by name in the order of the forward pass: dense1, dense2, conv1, counted by kind."""
    counts: Counter[str] = Counter()
    found = {}
    for layer in network.walk():
        if isinstance(layer, Weighted):
            kind = re.sub(r"\d+d$", "", type(layer).__name__.lower())
            counts[kind] += 1
            found[f"{kind}{counts[kind]}"] = layer
    return found


def evenly(names: list[str], most: int) -> list[str]:
    """At most so many of them, evenly spread, the first and the last included."""
    if len(names) <= most:
        return names
    return [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]


def length(vector: Array, scratch: Array) -> float:
    """The Euclidean norm; where squares would leave the numbers that floats can hold, of the scaled vector.

    A gradient that vanished on its way through thirty layers is such a one, and just what is looked for.

    Args:
        vector: contiguous.
        scratch: of the same size, is written over; may be the vector.
    """
    squares, limits = float(np.dot(vector, vector)), np.finfo(vector.dtype)
    if limits.tiny / limits.eps < squares < inf:
        return sqrt(squares)
    largest = max(float(vector.max(initial=0)), -float(vector.min(initial=0)))
    if not 0 < largest < inf:
        return largest
    np.divide(vector, largest, out=scratch)
    return largest * sqrt(np.dot(scratch, scratch))
