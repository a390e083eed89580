"""Architectures for images."""

from typing import Annotated, Literal

from annotated_types import MinLen

from nnexp.nn.activations.choices import activation
from nnexp.nn.layers.convolution import Conv2d, Size
from nnexp.nn.layers.dropout import Rate
from nnexp.nn.layers.layer import Dense, Layer, ShapeError, Units, told
from nnexp.nn.layers.normalization import BatchNorm2d
from nnexp.nn.layers.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d, Unflatten
from nnexp.nn.models.model import ActivationChoice, Model, dropped
from nnexp.nn.parameters import Shape


class ImageModel(Model):
    """A model whose first layer sees the image as it is."""

    evaluation_batch = 100


class LeNet5(ImageModel):
    """Two convolutions of 5 x 5 with pooling, then 120 and 84 units: LeCun et al. 1998, figure 2.

    The paper's sigmoid units, trained averages and partial connections are ReLU, plain pooling and full connections here;
    images smaller than 32 x 32 get a border of zeros.

    Args:
        activation: by name.
        pooling: max or avg.
    """

    def __init__(self, activation: ActivationChoice = "relu", pooling: Literal["max", "avg"] = "max") -> None:
        self.activation, self.pooling = activation, pooling

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        shape = image(inputs)
        border = max(2, -(-(32 - min(shape[1:])) // 2))
        layers: list[Layer] = [Unflatten(list(shape))]
        for filters, padding in ((6, border), (16, 0)):
            pool = MaxPool2d(2) if self.pooling == "max" else AvgPool2d(2)
            layers += [Conv2d(filters, 5, padding=padding), activation(self.activation), pool]
        layers.append(Flatten())
        for units in (120, 84):
            layers += [Dense(units), activation(self.activation)]
        return [*layers, Dense(outputs)]


class CNN(ImageModel):
    """Blocks of 3 x 3 convolution, batch normalisation, activation and pooling, then the mean of each channel.

    Args:
        channels: the filters of each block; the image is halved after each as long as it has 4 pixels.
        activation: by name.
        dropout: before the outputs.
    """

    def __init__(
        self,
        channels: Annotated[list[Units], MinLen(1)],
        activation: ActivationChoice = "relu",
        dropout: Rate = 0.0,
    ) -> None:
        self.channels, self.activation, self.dropout = channels, activation, dropout

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        shape = image(inputs)
        size = min(shape[1:])
        layers: list[Layer] = [Unflatten(list(shape))]
        for filters in self.channels:
            layers += [Conv2d(filters, 3, padding=1, bias=False), BatchNorm2d(), activation(self.activation)]
            if size >= 4:
                layers.append(MaxPool2d(2))
                size //= 2
        return [*layers, GlobalAvgPool2d(), *dropped(self.dropout), Dense(outputs)]


def image(inputs: Shape) -> tuple[Size, Size, Size]:
    """The shape of an example as (C, H, W)."""
    if len(inputs) == 1:
        raise ShapeError(f"the model takes images and the data are {told(inputs)}: take model=mlp")
    channels, height, width = inputs if len(inputs) == 3 else (1, *inputs)
    return channels, height, width
