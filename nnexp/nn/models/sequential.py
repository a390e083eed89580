"""The architecture that a configuration writes out, layer by layer."""

from copy import deepcopy
from typing import Annotated

from annotated_types import MinLen

from nnexp.nn.activations.choices import ActivationName
from nnexp.nn.layers.containers import named
from nnexp.nn.layers.layer import Dense, Layer
from nnexp.nn.layers.pooling import Flatten, Unflatten
from nnexp.nn.models.convolutional import ImageModel, image
from nnexp.nn.models.model import Model
from nnexp.nn.parameters import Shape


class Sequential(Model):
    """Any layers in a row, as the configuration lists them; the last Dense, whose size the data give, is added.

    Args:
        stack: the layers, and activations by name. Where the first of them that minds takes images, it is given images, unless
            the stack begins with an Unflatten of its own.
    """

    def __init__(self, stack: Annotated[list[Layer | ActivationName], MinLen(1)]) -> None:
        self.stack = stack

    @property
    def evaluation_batch(self) -> int:  # type: ignore[override]
        """As the layers are."""
        return ImageModel.evaluation_batch if self.of_images else Model.evaluation_batch

    @property
    def of_images(self) -> bool:
        """Whether the first layer that minds takes images."""
        kinds = [inner.takes for layer in self.stack if isinstance(layer, Layer) for inner in layer.walk()]
        return next((kind == "images" for kind in kinds if kind != "any"), False)

    def layers(self, inputs: Shape, outputs: int) -> list[Layer]:
        shaped = isinstance(self.stack[0], Unflatten) or not self.of_images
        layers: list[Layer] = [] if shaped else [Unflatten(list(image(inputs)))]
        return [*layers, *named(deepcopy(self.stack)), Flatten(), Dense(outputs)]
