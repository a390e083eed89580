"""Architectures: which layers a network is made of, before sizes of data are known."""

from abc import ABC, abstractmethod
from typing import Annotated

from annotated_types import Ge, MinLen

from nnexp.nn.activations import ACTIVATIONS, ActivationName
from nnexp.nn.layers import Dense, Layer

Units = Annotated[int, Ge(1)]


class Model(ABC):
    """A recipe for the layers of a network."""

    @abstractmethod
    def layers(self, outputs: int) -> list[Layer]:
        """Fresh layers for a network with that many outputs; their weights and sizes come with `Network`."""


class MLP(Model):
    """Dense layers with an activation between them: inputs - hidden - ... - outputs.

    Args:
        hidden: the units of each hidden layer, any number of layers.
        activation: by name, after every hidden layer.
    """

    def __init__(self, hidden: Annotated[list[Units], MinLen(1)], activation: ActivationName = "relu") -> None:
        self.hidden = hidden
        self.activation = activation

    def layers(self, outputs: int) -> list[Layer]:
        layers: list[Layer] = []
        for units in self.hidden:
            layers += [Dense(units), ACTIVATIONS[self.activation]()]
        return [*layers, Dense(outputs)]


class Softmax(Model):
    """Softmax regression: one dense layer, the linear baseline."""

    def layers(self, outputs: int) -> list[Layer]:
        return [Dense(outputs)]
