"""Architectures of dense layers: which layers a network is made of, before sizes of data are known."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from annotated_types import Ge, MinLen

from nnexp.nn.activations.activation import Activation
from nnexp.nn.activations.choices import ActivationName, activation
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.dropout import Deviation, Dropout, GaussianNoise, Rate
from nnexp.nn.layers.layer import Dense, Layer, Units
from nnexp.nn.layers.maxout import Maxout
from nnexp.nn.layers.normalization import BatchNorm1d, LayerNorm
from nnexp.nn.parameters import Shape

ActivationChoice = ActivationName | Activation
NormalizationName = Literal["none", "batch", "layer"]
Option = TypeVar("Option")


class Model(ABC):
    """A recipe for the layers of a network."""

    evaluation_batch = (
        500  # examples at a time where nothing is learnt; fewer where images make large buffers
    )

    @abstractmethod
    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        """Fresh layers; their weights and sizes come with `Network`.

        Args:
            inputs: the shape of one example, (I,) or (H, W) or (C, H, W); the first layer is given it flat.
            outputs: of the last layer.

        Raises:
            ShapeError: not for such examples.
        """


class MLP(Model):
    """Dense layers with an activation between them: inputs - hidden - ... - outputs.

    Whatever may differ from layer to layer takes one value for all hidden layers or a list, one for each. A hidden layer is
    Dense, normalisation, activation, dropout.

    Args:
        hidden: the units of each hidden layer, any number of layers.
        activation: by name.
        normalization: none, batch or layer.
        dropout: the share of each hidden layer's outputs that is dropped while training.
        input_dropout: the same for the inputs.
        input_noise: the standard deviation of Gaussian noise on the inputs while training.
    """

    def __init__(
        self,
        hidden: Annotated[list[Units], MinLen(1)],
        activation: ActivationChoice | list[ActivationChoice] = "relu",
        normalization: NormalizationName | list[NormalizationName] = "none",
        dropout: Rate | list[Rate] = 0.0,
        input_dropout: Rate = 0.0,
        input_noise: Deviation = 0.0,
    ) -> None:
        self.hidden = hidden
        self.input_dropout, self.input_noise = input_dropout, input_noise
        depth = len(hidden)
        self.activations: Sequence[ActivationChoice] = each(activation, depth, "activation")
        self.normalizations: Sequence[NormalizationName] = each(normalization, depth, "normalization")
        self.dropouts: Sequence[float] = each(dropout, depth, "dropout")

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers = disturbed(self.input_noise, self.input_dropout)
        for units, kind, norm, rate in zip(
            self.hidden, self.activations, self.normalizations, self.dropouts, strict=True
        ):
            layers += [
                Dense(units, bias=norm != "batch"),
                *normalized(norm),
                activation(kind),
                *dropped(rate),
            ]
        return [*layers, Dense(outputs)]


class Softmax(Model):
    """Softmax regression: one dense layer, the linear baseline; of a regression, the linear model."""

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        return [Dense(outputs)]


class Deep(MLP):
    """Many thin layers: where the first values of the weights decide whether anything is learnt (He et al. 2015, section 2.2).

    Args:
        depth: the hidden layers.
        width: the units of each.
        activation: by name.
        normalization: none, batch or layer.
    """

    def __init__(
        self,
        depth: Annotated[int, Ge(1)] = 30,
        width: Units = 100,
        activation: ActivationChoice = "relu",
        normalization: NormalizationName = "none",
    ) -> None:
        super().__init__([width] * depth, activation, normalization)


class ResidualMLP(Model):
    """A dense layer, then blocks x + F(x) with F = norm, Dense, activation, dropout, Dense; the way around stays clear.

    He et al. 2016, "Identity Mappings", with the block of pre-norm transformers (Xiong et al. 2020) for convolutions.

    Args:
        width: the units of every layer.
        blocks: how many.
        activation: by name.
        normalization: none, batch or layer; at the head of each block and before the outputs.
        dropout: within the blocks.
    """

    def __init__(
        self,
        width: Units = 128,
        blocks: Annotated[int, Ge(1)] = 3,
        activation: ActivationChoice = "relu",
        normalization: NormalizationName = "layer",
        dropout: Rate = 0.0,
    ) -> None:
        self.width, self.blocks, self.activation = width, blocks, activation
        self.normalization, self.dropout = normalization, dropout

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers: list[Layer] = [Dense(self.width)]
        for _ in range(self.blocks):
            inner = [
                Dense(self.width),
                activation(self.activation),
                *dropped(self.dropout),
                Dense(self.width),
            ]
            layers.append(Residual([*normalized(self.normalization), *inner]))
        return [*layers, *normalized(self.normalization), activation(self.activation), Dense(outputs)]


class MaxoutMLP(Model):
    """Dense layers whose units are the largest of several linear pieces: Goodfellow et al. 2013, section 5.1.

    Args:
        hidden: the units of each hidden layer.
        pieces: of each unit.
        dropout: the share of each hidden layer's outputs that is dropped while training.
        input_dropout: the same for the inputs.
    """

    def __init__(
        self,
        hidden: Annotated[list[Units], MinLen(1)],
        pieces: Annotated[int, Ge(2)] = 3,
        dropout: Rate | list[Rate] = 0.2,
        input_dropout: Rate = 0.1,
    ) -> None:
        self.hidden, self.pieces, self.input_dropout = hidden, pieces, input_dropout
        self.dropouts = each(dropout, len(hidden), "dropout")

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers = disturbed(0, self.input_dropout)
        for units, rate in zip(self.hidden, self.dropouts, strict=True):
            layers += [Dense(units * self.pieces), Maxout(self.pieces), *dropped(rate)]
        return [*layers, Dense(outputs)]


def each(option: Option | list[Option], depth: int, name: str) -> Sequence[Option]:
    """An option of every hidden layer."""
    if not isinstance(option, list):
        return [option] * depth
    if len(option) != depth:
        raise ValueError(
            f"{name}: {len(option)} values for {depth} hidden layers: give one for all, or one for each"
        )
    return option


def normalized(name: NormalizationName) -> list[Layer]:
    """The normalisation of that name, or nothing."""
    kinds: dict[str, list[Layer]] = {"none": [], "batch": [BatchNorm1d()], "layer": [LayerNorm()]}
    return kinds[name]


def dropped(rate: float) -> list[Layer]:
    """Dropout, or nothing."""
    return [Dropout(rate)] if rate else []


def disturbed(noise: float, dropout: float) -> list[Layer]:
    """What disturbs the inputs, or nothing."""
    return [*([GaussianNoise(noise)] if noise else []), *dropped(dropout)]
