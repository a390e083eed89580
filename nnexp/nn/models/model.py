"""Architectures of dense layers: the layers of a network before the sizes of the data are known."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from annotated_types import Ge, MinLen

from nnexp.nn.activations.activation import ActivationChoice, make_activation
from nnexp.nn.layer import Layer, Size
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.dropout import Deviation, Dropout, GaussianNoise, Rate
from nnexp.nn.layers.normalization import BatchNorm1d, LayerNorm
from nnexp.nn.layers.pooling import Maxout
from nnexp.nn.parameters import Shape

NormalizationName = Literal["none", "batch", "layer"]
Option = TypeVar("Option")


class Model(ABC):
    """An architecture."""

    evaluation_batch = 500  # examples at a time in evaluation; fewer where images make large buffers

    @abstractmethod
    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        """Make the layers, whose sizes and weights come with `Network`; the first gets examples flat.

        Raises:
            ShapeError: the model cannot take examples of that shape, (I,) or (H, W) or (C, H, W).
        """


@dataclass
class MLP(Model):
    """Multilayer perceptron: dense layers with an activation between them, inputs - hidden - ... - outputs.

    A hidden layer is Dense, normalization, activation, dropout; the last three take one value for all hidden
    layers or a list, one for each.
    """

    hidden: Annotated[list[Size], MinLen(1)]  # the units of each hidden layer
    activation: ActivationChoice | list[ActivationChoice] = "relu"
    normalization: NormalizationName | list[NormalizationName] = "none"
    dropout: Rate | list[Rate] = 0.0
    input_dropout: Rate = 0.0
    input_noise: Deviation = 0.0  # of Gaussian noise on the inputs while training

    def __post_init__(self) -> None:
        depth = len(self.hidden)
        activations: Sequence[ActivationChoice] = per_layer(self.activation, depth, "activation")
        normalizations: Sequence[NormalizationName] = per_layer(self.normalization, depth, "normalization")
        dropouts = per_layer(self.dropout, depth, "dropout")
        self.options = list(zip(self.hidden, activations, normalizations, dropouts, strict=True))

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers: list[Layer] = [GaussianNoise(self.input_noise)] if self.input_noise else []
        layers += optional_dropout(self.input_dropout)
        for units, activation, norm, rate in self.options:
            layers += [Dense(units, bias=norm != "batch"), *normalization(norm)]
            layers += [make_activation(activation), *optional_dropout(rate)]
        return [*layers, Dense(outputs)]


class Softmax(Model):
    """Softmax regression: one dense layer, the linear baseline; of a regression, the linear model."""

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        return [Dense(outputs)]


@dataclass
class Deep(Model):
    """Many thin layers, which train only if the initializer suits them (He et al. 2015, section 2.2)."""

    depth: Size = 30  # the number of hidden layers
    width: Size = 100  # the units of each
    activation: ActivationChoice = "relu"
    normalization: NormalizationName = "none"

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        return MLP([self.width] * self.depth, self.activation, self.normalization).layers(inputs, outputs)


@dataclass
class ResidualMLP(Model):
    """A dense layer, then blocks x + F(x) with F = norm, Dense, activation, dropout, Dense.

    He et al. 2016, "Identity Mappings"; blocks as in pre-norm transformers (Xiong et al. 2020).
    """

    width: Size = 128  # the units of every layer
    blocks: Size = 3
    activation: ActivationChoice = "relu"
    normalization: NormalizationName = "layer"  # first in each block and before the outputs
    dropout: Rate = 0.0  # within the blocks

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        blocks = [self.block() for _ in range(self.blocks)]
        head = [*normalization(self.normalization), make_activation(self.activation), Dense(outputs)]
        return [Dense(self.width), *blocks, *head]

    def block(self) -> Residual:
        """Make one residual block."""
        inner = [Dense(self.width), make_activation(self.activation), *optional_dropout(self.dropout)]
        return Residual([*normalization(self.normalization), *inner, Dense(self.width)])


@dataclass
class MaxoutMLP(Model):
    """Dense layers with units that are the largest of several pieces: Goodfellow et al. 2013, section 5.1."""

    hidden: Annotated[list[Size], MinLen(1)]
    pieces: Annotated[int, Ge(2)] = 3  # of each unit
    dropout: Rate | list[Rate] = 0.2
    input_dropout: Rate = 0.1

    def __post_init__(self) -> None:
        self.dropouts = per_layer(self.dropout, len(self.hidden), "dropout")

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers = optional_dropout(self.input_dropout)
        for units, rate in zip(self.hidden, self.dropouts, strict=True):
            layers += [Dense(units * self.pieces), Maxout(self.pieces), *optional_dropout(rate)]
        return [*layers, Dense(outputs)]


def per_layer(option: Option | list[Option], depth: int, name: str) -> Sequence[Option]:
    """Return the option of each hidden layer."""
    if not isinstance(option, list):
        return [option] * depth
    if len(option) != depth:
        values = f"{len(option)} values for {depth} hidden layers"
        raise ValueError(f"{name}: {values}: give one for all, or one for each")
    return option


def normalization(name: NormalizationName) -> list[Layer]:
    """Make the normalization of that name, in a list; none is an empty list."""
    kinds: dict[str, list[Layer]] = {"none": [], "batch": [BatchNorm1d()], "layer": [LayerNorm()]}
    return kinds[name]


def optional_dropout(rate: float) -> list[Layer]:
    """Make a dropout layer, in a list; rate 0 is an empty list."""
    return [Dropout(rate)] if rate else []
