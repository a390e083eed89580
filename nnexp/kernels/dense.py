"""A compiled stack: the bias and the activation behind a dense layer in one pass, and so their gradients.

B batch, I inputs, O outputs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

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
def rectify_gradient(dy: Array, y: Array, db: Array) -> None:
    """Set dy to 0 where y is 0, and db to its sum over the batch; dy, y (B, O), db (O,)."""
    zero = db.dtype.type(0)
    db[:] = zero
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            value = dy[i, j] if y[i, j] > zero else zero
            dy[i, j] = value
            db[j] += value


@dataclass(eq=False)
class DenseReLU:
    """y = max(0, x W + b): a dense layer and the ReLU behind it."""

    dense: Dense
    relu: ReLU

    def forward(self, x: Array, training: bool = False) -> Array:
        dense = self.dense
        dense.x = x
        y = dense.matmul(x, dense.W, out=dense.y(len(x)))
        add_bias_and_rectify(y, dense.b)
        self.relu.y = y
        return y

    def backward(self, dy: Array) -> Array:
        dense = self.dense
        rectify_gradient(dy, self.relu.y, dense.db)
        dense.matmul(dense.x.T, dy, out=dense.dW)
        if not dense.needs_dx:
            return dy[:0]
        return dense.matmul(dy, dense.W.T, out=dense.dx(len(dy)))


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


def is_dense(layer: object) -> TypeGuard[Dense]:
    """Return whether a layer is a dense layer itself, not a class of one's own."""
    return type(layer) in (Dense, TWINS.get(Dense))


def is_relu(layer: object) -> TypeGuard[ReLU]:
    """Return whether a layer is ReLU itself, or its twin: a class of one's own may compute something else."""
    return type(layer) in (ReLU, TWINS.get(ReLU))
