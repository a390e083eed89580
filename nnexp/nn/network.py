"""A network: layers in a row over one buffer of parameters."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Observers, Stack
from nnexp.nn.layers.dense import Weighted
from nnexp.nn.parameters import Array, Parameters, Shape


class Network:
    """Layers that share one vector of weights, `theta`, and one of gradients, `grad`.

    Every buffer is made here, once: shapes first, then memory, then views for the layers. Training and
    prediction allocate nothing array-sized afterwards.

    Raises:
        ShapeError: a layer cannot take the outputs of the one before it.
    """

    def __init__(
        self,
        layers: Sequence[Layer],  # in the order of the forward pass
        inputs: Shape,  # of one example
        capacity: int,  # the largest batch that `forward` will get
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | None = None,  # of layers like dropout, each with a stream spawned from it
    ) -> None:
        self.inputs = inputs
        self.capacity = capacity
        self.dtype = np.dtype(dtype)
        self.stack = Stack(layers)
        self.layers = self.stack.layers
        self.outputs = self.stack.connect(inputs)
        self.parameters = Parameters(self.stack.shapes(), dtype, self.stack.state_shapes())
        self.theta = self.parameters.theta  # all weights, (P,): writing into it changes the network
        self.grad = self.parameters.grad  # the gradients of the last `backward`, (P,)
        self.state = self.parameters.state  # what layers learn without a gradient, (S,)
        self.stack.needs_dx = False
        self.stack.allocate(capacity, dtype)
        self.stack.bind(self.parameters.values, self.parameters.grads, self.parameters.states)
        self.stack.set_rng(rng or np.random.default_rng(0))

    def walk(self) -> Iterator[Layer]:
        """Yield every layer in the order of the forward pass, also those within others."""
        return self.stack.walk()

    def initialize(self, init: Initializer, rng: np.random.Generator, x: Array | None = None) -> None:
        """Initialize the weights from one stream; x (B, ...) are examples for data-dependent rules."""
        weighted = [layer for layer in self.walk() if isinstance(layer, Weighted)]
        rules: dict[Layer, Initializer] = {}
        for i, one in enumerate(weighted):
            rules[one] = one.init or init.at(i, len(weighted))
        for layer in self.walk():
            layer.initialize(rules.get(layer, init), rng)
        if x is not None:
            for rule in dict.fromkeys(rules.values()):
                filled = [layer for layer in weighted if rules[layer] is rule]
                rule.adapt([(layer.W, partial(self.output_of, layer, x)) for layer in filled])

    def forward(self, x: Array, training: bool = False, observe: Observers | None = None) -> Array:
        """Compute the outputs z (B, O) of x (B, ...), valid until the next call; B <= capacity."""
        return self.stack.forward(x, training, observe)

    def backward(self, dz: Array) -> None:
        """Fill `grad` from the loss's gradient in the last outputs, (B, O); writes over dz."""
        self.stack.backward(dz)

    def logits(self, x: Array) -> Array:
        """Compute the outputs of any number of examples, (N, ...) -> (N, O), in a new array."""
        x = np.ascontiguousarray(x, self.dtype).reshape(-1, *self.inputs)
        z: Array = np.empty((len(x), *self.outputs), self.dtype)
        for start, stop in pairwise([*range(0, len(x), self.capacity), len(x)]):
            z[start:stop] = self.forward(x[start:stop])
        return z

    def predict(self, x: Array) -> NDArray[np.int64]:
        """Predict the class of each example, (N, ...) -> (N,)."""
        return np.asarray(self.logits(x).argmax(axis=1))

    def output_of(self, layer: Layer, x: Array) -> Array:
        """Return a copy of one layer's output for x (B, ...), as in evaluation."""
        outputs: list[Array] = []
        self.forward(x, observe={layer: lambda y: outputs.append(y.copy())})
        return outputs[0]
