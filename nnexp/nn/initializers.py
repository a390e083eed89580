"""First values for weights: a variance that keeps signals alive from layer to layer.

Every rule here is a factor over a fan, std = gain / sqrt(fan); they differ in the fan and the gain. The normal ones are not
truncated (as in PyTorch). Biases start at 0.
"""

from abc import ABC, abstractmethod
from math import sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt

from nnexp.nn.parameters import Array

Distribution = Literal["normal", "uniform"]
Gain = Annotated[float, Gt(0)]
SQRT2 = sqrt(2)


class Initializer(ABC):
    """Fills a weight array in place."""

    @abstractmethod
    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator) -> None:
        """Fill W, which maps fan_in inputs to fan_out outputs."""


class VarianceScaling(Initializer):
    """W ~ N(0, std^2) or U(-sqrt(3) std, sqrt(3) std), with std = gain / sqrt(fan)."""

    def __init__(self, distribution: Distribution, gain: Gain) -> None:
        self.distribution = distribution
        self.gain = gain

    @abstractmethod
    def fan(self, fan_in: int, fan_out: int) -> float:
        """The fan that the rule divides by."""

    def __call__(self, W: Array, *, fan_in: int, fan_out: int, rng: np.random.Generator) -> None:
        std = self.gain / sqrt(self.fan(fan_in, fan_out))
        if self.distribution == "normal":
            W[...] = rng.normal(0, std, W.shape)
        else:
            W[...] = rng.uniform(-sqrt(3) * std, sqrt(3) * std, W.shape)


class He(VarianceScaling):
    """std = gain / sqrt(fan_in), gain sqrt(2) for ReLU: He et al. 2015, eq. 10."""

    def __init__(self, distribution: Distribution = "normal", gain: Gain = SQRT2) -> None:
        super().__init__(distribution, gain)

    def fan(self, fan_in: int, fan_out: int) -> float:
        return fan_in


class Xavier(VarianceScaling):
    """std = gain / sqrt((fan_in + fan_out) / 2): Glorot & Bengio 2010, eq. 12 and 16."""

    def __init__(self, distribution: Distribution = "normal", gain: Gain = 1.0) -> None:
        super().__init__(distribution, gain)

    def fan(self, fan_in: int, fan_out: int) -> float:
        return (fan_in + fan_out) / 2


class LeCun(VarianceScaling):
    """std = gain / sqrt(fan_in): LeCun et al. 1998, "Efficient BackProp", eq. 16."""

    def __init__(self, distribution: Distribution = "normal", gain: Gain = 1.0) -> None:
        super().__init__(distribution, gain)

    def fan(self, fan_in: int, fan_out: int) -> float:
        return fan_in
