"""A compiled stack: the bias and the activation behind a dense layer in one pass, and so their gradients.

B batch, I inputs, O outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

import numpy as np

from nnexp.kernels.jit import kernel
from nnexp.kernels.pooling import CompiledMaxPool2d, RectifiedMaxPool2d
from nnexp.kernels.twins import TWINS, twin_of
from nnexp.nn.activations.from_output import ReLU
from nnexp.nn.layer import Layer
from nnexp.nn.layers.containers import Observers, Stack
from nnexp.nn.layers.dense import Dense
from nnexp.nn.parameters import Array


@kernel
def add_bias_and_rectify(y: Array, b: Array) -> None:
    """Compute y = max(0, y + b), in place; y (B, O), b (O,)."""
    zero = b.dtype.type(0)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            value = y[i, j] + b[j]
            y[i, j] = zero if value <= zero else value  # NaN stays


@kernel
def add_bias(y: Array, b: Array) -> None:
    """Compute y = y + b, in place; y (B, O), b (O,)."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] += b[j]


@kernel
def rectify_gradient(dy: Array, y: Array, db: Array) -> None:
    """Set dy to 0 where y is 0, and db to its sum over the batch; dy, y (B, O), db (O,)."""
    zero = db.dtype.type(0)
    db[:] = zero
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            value = dy[i, j] if y[i, j] > zero else zero
            dy[i, j] = value
            db[j] += value


def linear(x: Array, W: Array, b: Array, y: Array, rectify: bool) -> Array:
    """Compute y = x W + b, or max(0, of that), by one thread; b is (O,), or empty."""
    np.matmul(x, W, out=y)
    if rectify:
        add_bias_and_rectify(y, b)
    elif len(b):
        add_bias(y, b)
    return y


def weight_gradient(x: Array, dy: Array, dW: Array) -> None:
    """Compute dW = x.T dy by one thread; x (B, I), dy (B, O), dW (I, O)."""
    np.matmul(x.T, dy, out=dW)


def input_gradient(dy: Array, W: Array, dx: Array) -> None:
    """Compute dx = dy W.T by one thread; dy (B, O), W (I, O), dx (B, I)."""
    np.matmul(dy, W.T, out=dx)


@twin_of(Dense)
class CompiledDense(Dense):
    """A dense layer whose three products threads share by its inputs.

    So each thread reads and updates the weights of its own inputs, which stay in its processor's cache.
    """

    linear = staticmethod(linear)  # by one thread; a run has others in the place of these three
    weight_gradient = staticmethod(weight_gradient)
    input_gradient = staticmethod(input_gradient)

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x = x
        b = self.b if self.bias else self.W[0, :0]
        return self.linear(x, self.W, b, self.y(len(x)), rectify=False)

    def backward(self, dy: Array) -> Array:
        if self.bias:
            np.matmul(self.ones[: len(dy)], dy, out=self.db)
        return self.product_gradients(dy)

    def product_gradients(self, dy: Array) -> Array:
        """Compute the gradient in W, and return that in x, nothing where it is not needed."""
        self.weight_gradient(self.x, dy, self.dW)
        if not self.needs_dx:
            return dy[:0]
        dx = self.dx(len(dy))
        self.input_gradient(dy, self.W, dx)
        return dx


@dataclass(eq=False)
class DenseReLU:
    """y = max(0, x W + b): a dense layer and the ReLU behind it."""

    dense: CompiledDense
    relu: ReLU

    def forward(self, x: Array, training: bool = False) -> Array:
        dense = self.dense
        dense.x = x
        y = dense.linear(x, dense.W, dense.b, dense.y(len(x)), rectify=True)
        self.relu.y = y
        return y

    def backward(self, dy: Array) -> Array:
        dense = self.dense
        rectify_gradient(dy, self.relu.y, dense.db)
        return dense.product_gradients(dy)


Step = Layer | DenseReLU | RectifiedMaxPool2d


@twin_of(Stack)
class CompiledStack(Stack):
    """Layers in a row, some of them fused; with observers, layer by layer."""

    def forward(self, x: Array, training: bool = False, observe: Observers | None = None) -> Array:
        if observe:
            return super().forward(x, training, observe)
        for step in self.steps:
            x = step.forward(x, training)
        return x

    def backward(self, dy: Array) -> Array:
        for step in self.backward_steps:
            dy = step.backward(dy)
        return dy

    @cached_property
    def steps(self) -> list[Step]:
        """The layers, fused where they can be, in the order of the forward pass."""
        return fuse(self.layers)

    @cached_property
    def backward_steps(self) -> list[Step]:
        """The same from the last to the first with weights."""
        return fuse(self.layers[self.first :])[::-1]


def fuse(layers: list[Layer]) -> list[Step]:
    """Join each ReLU with the dense layer whose outputs it writes over, or with the pooling behind it."""
    steps: list[Step] = []
    for layer in layers:
        before = steps[-1] if steps else None
        if is_relu(layer) and layer.in_place and is_dense(before) and before.bias:
            steps[-1] = DenseReLU(before, layer)
        elif is_relu(before) and isinstance(layer, CompiledMaxPool2d) and layer.has_places:
            steps[-1] = RectifiedMaxPool2d(layer)
        else:
            steps.append(layer)
    return steps


def is_dense(layer: object) -> TypeGuard[CompiledDense]:
    """Return whether a layer is a dense layer itself, not a class of one's own."""
    return type(layer) is CompiledDense


def is_relu(layer: object) -> TypeGuard[ReLU]:
    """Return whether a layer is ReLU itself, or its twin: a class of one's own may compute something else."""
    return type(layer) in (ReLU, TWINS.get(ReLU))
