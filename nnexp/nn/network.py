"""A network: layers in a row over one buffer of parameters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.nn.initializers.initializer import Initializer
from nnexp.nn.layers.containers import Stack
from nnexp.nn.layers.layer import Layer, Weighted
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
        noise: the stream that layers like dropout draw from, each from its own branch; None is one that never changes.

    Raises:
        ShapeError: a layer cannot take what the one before it gives.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        inputs: Shape,
        capacity: int,
        dtype: DTypeLike = np.float32,
        noise: np.random.Generator | None = None,
    ) -> None:
        self.chain = Stack(layers)
        self.layers = self.chain.layers
        self.inputs, self.capacity, self.dtype = inputs, capacity, np.dtype(dtype)
        self.outputs = self.chain.connect(inputs)
        self.parameters = Parameters(self.chain.shapes(), dtype, self.chain.state_shapes())
        self.chain.needs_dx = False
        self.chain.allocate(capacity, dtype)
        self.chain.bind(self.parameters.values, self.parameters.grads, self.parameters.states)
        self.chain.listen(noise or np.random.default_rng(0))

    @property
    def theta(self) -> Array:
        """All weights, (P,): a view; writing into it changes the network."""
        return self.parameters.theta

    @property
    def grad(self) -> Array:
        """All gradients of the last `backward`, (P,)."""
        return self.parameters.grad

    @property
    def state(self) -> Array:
        """All that layers learn without a gradient, such as the running means of batch normalisations, (S,)."""
        return self.parameters.state

    def walk(self) -> Iterator[Layer]:
        """Every layer in the order of the forward pass, those within others too."""
        return self.chain.walk()

    def initialize(self, init: Initializer, rng: np.random.Generator, x: Array | None = None) -> None:
        """Give every weight its first value, layer by layer from the one stream.

        Args:
            init: the rule.
            rng: the stream.
            x: some examples (B, ...), for rules that look at data.
        """
        weighted = [layer for layer in self.walk() if isinstance(layer, Weighted)]
        rules = [layer.init or init.at(position, len(weighted)) for position, layer in enumerate(weighted)]
        of_layer = dict(zip(weighted, rules, strict=True))
        for layer in self.walk():
            layer.initialize(of_layer.get(layer, init), rng)  # type: ignore[call-overload]
        if x is not None:
            for rule in dict.fromkeys(rules):
                rule.adapt(
                    [
                        (layer.W, partial(self.output_of, layer, x))
                        for layer in weighted
                        if of_layer[layer] is rule
                    ]
                )

    def forward(self, x: Array, training: bool = False) -> Array:
        """X (B, ...) -> z (B, O), B <= capacity; z lies in a buffer and is valid until the next call.

        Args:
            x: examples.
            training: whether layers like dropout do what they do in training only.
        """
        return self.chain.forward(x, training)

    def backward(self, dz: Array) -> None:
        """Fill `grad` from the gradient in the output of the last `forward`, (B, O); writes over dz."""
        self.chain.backward(dz)

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

    def output_of(self, layer: Layer, x: Array) -> Array:
        """What one layer returns while x (B, ...) passes through the network, a copy; as outside training."""
        seen: list[Array] = []
        self.watched(x, {layer: lambda y: seen.append(y.copy())})
        return seen[0]

    def watched(self, x: Array, looks: Mapping[Layer, Callable[[Array], None]]) -> Array:
        """`forward` as outside training, in which what these layers return is looked at before the next one may write over it."""
        for layer, look in looks.items():
            vars(layer)["forward"] = _seen(layer.forward, look)  # for this instance, this once
        try:
            return self.forward(x)
        finally:
            for layer in looks:
                del vars(layer)["forward"]


def _seen(
    forward: Callable[[Array, bool], Array], look: Callable[[Array], None]
) -> Callable[[Array, bool], Array]:
    """A layer's forward pass with somebody looking at what it returns."""

    def watched(x: Array, training: bool = False) -> Array:
        y = forward(x, training)
        look(y)
        return y

    return watched
