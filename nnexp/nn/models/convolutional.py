"""Convolutional architectures for images."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MinLen

from nnexp.nn.activations.activation import ActivationChoice, make_activation
from nnexp.nn.layer import Layer, ShapeError, Size, format_shape
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.dropout import Rate
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.layers.normalization import BatchNorm2d
from nnexp.nn.layers.pooling import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from nnexp.nn.models.model import Model, optional_dropout
from nnexp.nn.parameters import Shape

IMAGE_BATCH = 100


@dataclass
class LeNet5(Model):
    """Two convolutions of 5 x 5 with pooling, then 120 and 84 units: LeCun et al. 1998, figure 2.

    The paper's sigmoid units, trained averages and partial connections are ReLU, plain pooling and full
    connections here; images smaller than 32 x 32 get a border of zeros.
    """

    activation: ActivationChoice = "relu"
    pooling: Literal["max", "avg"] = "max"
    evaluation_batch = IMAGE_BATCH

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        shape = image_shape(inputs)
        border = max(2, -(-(32 - min(shape[1:])) // 2))
        layers: list[Layer] = [Unflatten(list(shape))]
        for filters, padding in ((6, border), (16, 0)):
            layers += [Conv2d(filters, 5, padding=padding), make_activation(self.activation)]
            layers.append(MaxPool2d(2) if self.pooling == "max" else AvgPool2d(2))
        layers.append(Flatten())
        for units in (120, 84):
            layers += [Dense(units), make_activation(self.activation)]
        return [*layers, Dense(outputs)]


@dataclass
class CNN(Model):
    """Blocks of 3 x 3 convolution, batch normalization, activation and pooling, then a global average."""

    channels: Annotated[list[Size], MinLen(1)]  # the filters of each block
    activation: ActivationChoice = "relu"
    dropout: Rate = 0.0  # before the outputs
    evaluation_batch = IMAGE_BATCH

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        shape = image_shape(inputs)
        size = min(shape[1:])
        layers: list[Layer] = [Unflatten(list(shape))]
        for filters in self.channels:
            layers += [Conv2d(filters, 3, padding=1, bias=False), BatchNorm2d()]
            layers.append(make_activation(self.activation))
            if size >= 4:  # halve the image while it is large enough
                layers.append(MaxPool2d(2))
                size //= 2
        return [*layers, GlobalAvgPool2d(), *optional_dropout(self.dropout), Dense(outputs)]


def image_shape(inputs: Shape) -> Shape:
    """Return the shape of an example as (C, H, W)."""
    if len(inputs) == 1:
        raise ShapeError(f"the model takes images and the data are {format_shape(inputs)}; fix: model=mlp")
    return inputs if len(inputs) == 3 else (1, *inputs)
