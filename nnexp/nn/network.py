"""A network: layers in a row over one buffer of parameters."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.initializers import Initializer
from nnexp.nn.layers import Layer
from nnexp.nn.parameters import Array, Parameters, Shape


class Network:
    """Layers that share one vector of weights, `theta`, and one of gradients, `grad`.

    Every buffer is made here, once: first each layer says which shapes it needs, then all is allocated, then the layers
    receive views. Training and prediction allocate nothing array-sized afterwards.

    Args:
        layers: in the order of the forward pass.
        inputs: the shape of one example.
        capacity: the largest batch that `forward` will see.
        dtype: float32 to train, float64 to test.
    """

    def __init__(self, layers: Sequence[Layer], inputs: Shape, capacity: int, dtype: DTypeLike = np.float32) -> None:
        self.layers = list(layers)
        self.inputs, self.capacity, self.dtype = inputs, capacity, np.dtype(dtype)
        shapes: dict[str, Shape] = {}
        for i, layer in enumerate(self.layers):
            inputs = layer.connect(inputs)
            shapes |= {f"{i}.{name}": shape for name, shape in layer.shapes().items()}
        self.outputs = inputs
        self.parameters = Parameters(shapes, dtype)
        self.layers[0].needs_dx = False
        for i, layer in enumerate(self.layers):
            layer.allocate(capacity, dtype)
            views = self.parameters.values, self.parameters.grads
            layer.bind(*({name: view[f"{i}.{name}"] for name in layer.shapes()} for view in views))

    @property
    def theta(self) -> Array:
        """All weights, (P,): a view; writing into it changes the network."""
        return self.parameters.theta

    @property
    def grad(self) -> Array:
        """All gradients of the last `backward`, (P,)."""
        return self.parameters.grad

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        """Give every weight its first value, layer by layer from the one stream."""
        for layer in self.layers:
            layer.initialize(init, rng)

    def forward(self, x: Array) -> Array:
        """X (B, ...) -> z (B, O), B <= capacity; z lies in a buffer and is valid until the next call."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dz: Array) -> None:
        """Fill `grad` from the gradient in the output of the last `forward`, (B, O); writes over dz."""
        for layer in reversed(self.layers):
            dz = layer.backward(dz)

    def logits(self, x: Array) -> Array:
        """The outputs for any number of examples, (N, ...) -> (N, O), in an array of their own."""
        x = np.ascontiguousarray(x, self.dtype).reshape(-1, *self.inputs)
        z: Array = np.empty((len(x), *self.outputs), self.dtype)
        for start, stop in pairwise([*range(0, len(x), self.capacity), len(x)]):
            z[start:stop] = self.forward(x[start:stop])
        return z

    def predict(self, x: Array) -> NDArray[np.int64]:
        """The class of each example, (N, ...) -> (N,)."""
        return np.asarray(self.logits(x).argmax(axis=1))
