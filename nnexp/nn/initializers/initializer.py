"""First values for weights: a variance that keeps signals alive from layer to layer.

The rules here are a factor over a fan, std = gain / sqrt(fan); they differ in the fan and the gain. The normal ones are not
truncated (as in PyTorch). Biases start at 0.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt

from nnexp.nn.parameters import Array

Distribution = Literal["normal", "uniform"]
FanMode = Literal["fan_in", "fan_out", "fan_avg"]
Gain = Annotated[float, Gt(0)] | Literal["activation"]
"""A factor, or what the activation behind the layer asks for (1 behind the last)."""
SQRT2 = sqrt(2)


class Initializer(ABC):
    """Fills a weight array in place."""

    @abstractmethod
    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        """Fill W (I, O), which maps fan_in inputs to fan_out outputs; `gain` is what the activation behind it asks for."""

    def at(self, position: int, layers: int) -> "Initializer":
        """The rule for one of so many layers with weights, counted from 0."""
        return self

    def adapt(self, filled: Sequence[tuple[Array, Callable[[], Array]]]) -> None:
        """A last touch that looks at data; most rules do without.

        Args:
            filled: the weights of each layer that this rule filled, and what gives that layer's outputs on some examples.
        """


class VarianceScaling(Initializer):
    """W ~ N(0, std^2) or U(-sqrt(3) std, sqrt(3) std), with std = gain / sqrt(fan).

    Args:
        distribution: normal or uniform.
        gain: the factor.
        mode: what the fan is: inputs, outputs or their mean.
    """

    def __init__(self, distribution: Distribution, gain: Gain, mode: FanMode) -> None:
        self.distribution, self.gain, self.mode = distribution, gain, mode

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = factor(self.gain, gain) / sqrt(fan)
        if self.distribution == "normal":
            W[...] = rng.normal(0, std, W.shape)
        else:
            W[...] = rng.uniform(-sqrt(3) * std, sqrt(3) * std, W.shape)


class He(VarianceScaling):
    """std = gain / sqrt(fan_in), gain sqrt(2) for ReLU: He et al. 2015, eq. 10; eq. 14 with fan_out."""

    def __init__(
        self, distribution: Distribution = "normal", gain: Gain = SQRT2, mode: FanMode = "fan_in"
    ) -> None:
        super().__init__(distribution, gain, mode)


class Xavier(VarianceScaling):
    """std = gain / sqrt((fan_in + fan_out) / 2): Glorot & Bengio 2010, eq. 12 and 16."""

    def __init__(
        self, distribution: Distribution = "normal", gain: Gain = 1.0, mode: FanMode = "fan_avg"
    ) -> None:
        super().__init__(distribution, gain, mode)


class LeCun(VarianceScaling):
    """std = gain / sqrt(fan_in): LeCun et al. 1998, "Efficient BackProp", eq. 16."""

    def __init__(
        self, distribution: Distribution = "normal", gain: Gain = 1.0, mode: FanMode = "fan_in"
    ) -> None:
        super().__init__(distribution, gain, mode)


class PerLayer(Initializer):
    """Another rule for the first and the last layer.

    Args:
        first: of the first layer with weights; None is that of the others. A single layer is the last one.
        others: of all layers between.
        last: of the last layer; None is that of the others.
    """

    def __init__(self, first: Initializer | None, others: Initializer, last: Initializer | None) -> None:
        self.first, self.others, self.last = first, others, last

    def __call__(
        self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator, gain: float = 1.0
    ) -> None:
        self.others(W, fan_in=fan_in, fan_out=fan_out, rng=rng, gain=gain)

    def at(self, position: int, layers: int) -> Initializer:
        own = self.last if position == layers - 1 else self.first if position == 0 else None
        return (own or self.others).at(position, layers)


def factor(gain: Gain, of_activation: float) -> float:
    """The gain that was asked for, as a number."""
    return of_activation if gain == "activation" else float(gain)
