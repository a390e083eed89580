"""The architecture that a configuration lists layer by layer."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen

from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import LayerChoice, named
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.models.convolutional import IMAGE_BATCH, image_shape
from nnexp.nn.models.model import Model
from nnexp.nn.parameters import Shape


@dataclass
class Sequential(Model):
    """The listed layers; the last Dense, whose size is that of the data's targets, is added."""

    # the layers, and activations by name. An Unflatten is put first if the first layer that is not
    # indifferent expects images, unless the stack begins with one
    stack: Annotated[list[LayerChoice], MinLen(1)]

    def __post_init__(self) -> None:
        layers = (inner for layer in self.stack if isinstance(layer, Layer) for inner in layer.walk())
        self.takes_images = next((one.takes for one in layers if one.takes != "any"), "any") == "images"
        if self.takes_images:
            self.evaluation_batch = IMAGE_BATCH

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        layers = named(deepcopy(self.stack))
        if self.takes_images and not isinstance(layers[0], Unflatten):
            layers.insert(0, Unflatten(list(image_shape(inputs))))
        return [*layers, Flatten(), Dense(outputs)]
