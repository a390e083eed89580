"""Weight initializers: a variance that keeps signals alive from layer to layer.

The rules here are a factor over a fan, std = gain / sqrt(fan); they differ in the fan and the gain. Normal
ones are not truncated (as in PyTorch). Biases start at 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Literal

from annotated_types import Gt
from numpy.random import Generator

from nnexp.nn.parameters import Array

FanMode = Literal["fan_in", "fan_out", "fan_avg"]
SQRT2 = sqrt(2)
Gain = Annotated[float, Gt(0)] | Literal["activation"]
"""A factor, or the recommended gain of the activation behind the layer (1 behind the last)."""


class Initializer(ABC):
    """Fills a weight array in place."""

    @abstractmethod
    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        """Fill W (I, O) of a layer with fan_in inputs and fan_out outputs per unit.

        `gain` is the recommended one of the activation behind the layer.
        """

    def at(self, position: int, layers: int) -> "Initializer":
        """Return the rule of one of so many layers with weights, counted from 0."""
        return self

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        """Adjust weights to data; a no-op by default.

        Args:
            filled: the weights of each layer that this rule filled, and a function that returns its outputs.
        """


@dataclass(eq=False)
class VarianceScaling(Initializer):
    """W ~ N(0, std^2) or U(-sqrt(3) std, sqrt(3) std), with std = gain / sqrt(fan).

    Attributes:
        distribution: normal or uniform.
        gain: the factor.
        mode: the fan: inputs, outputs or their mean.
    """

    distribution: Literal["normal", "uniform"] = "normal"
    gain: Gain = 1.0
    mode: FanMode = "fan_in"

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = resolve_gain(self.gain, gain) / sqrt(fan)
        if self.distribution == "normal":
            W[...] = rng.normal(0, std, W.shape)
        else:
            W[...] = rng.uniform(-sqrt(3) * std, sqrt(3) * std, W.shape)


@dataclass(eq=False)
class He(VarianceScaling):
    """std = gain / sqrt(fan_in), gain sqrt(2) for ReLU: He et al. 2015, eq. 10; eq. 14 with fan_out."""

    gain: Gain = SQRT2


@dataclass(eq=False)
class Xavier(VarianceScaling):
    """std = gain / sqrt((fan_in + fan_out) / 2): Glorot & Bengio 2010, eq. 12 and 16."""

    mode: FanMode = "fan_avg"


class LeCun(VarianceScaling):
    """std = gain / sqrt(fan_in): LeCun et al. 1998, "Efficient BackProp", eq. 16."""


@dataclass(eq=False)
class PerLayer(Initializer):
    """Other rules for the first and the last layer.

    Attributes:
        first: of the first layer with weights; None: as the others. A single layer is the last one.
        others: of all layers between.
        last: of the last layer; None: as the others.
    """

    first: Initializer | None
    others: Initializer
    last: Initializer | None

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: Generator, gain: float = 1.0) -> None:
        self.others(W, fan_in=fan_in, fan_out=fan_out, rng=rng, gain=gain)

    def at(self, position: int, layers: int) -> Initializer:
        own = self.first if position == 0 else None
        if position == layers - 1:
            own = self.last
        return (own or self.others).at(position, layers)


def resolve_gain(gain: Gain, of_activation: float) -> float:
    """Return the configured gain as a number."""
    return of_activation if gain == "activation" else float(gain)
