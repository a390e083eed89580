"""The dense layer, and the abstract layer with a weight matrix. B batch, I inputs, O outputs."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from nnexp.nn.initializers import Initializer
from nnexp.nn.layer import Buffer, Layer, Size
from nnexp.nn.parameters import Array, Shape, Views


class Weighted(Layer):
    """A layer with a matrix of weights W and, unless switched off, a bias b for each output."""

    gain = 1.0
    receptive_field = 1  # the pixels of a filter
    outputs: Size
    bias: bool
    init: Initializer | None

    @abstractmethod
    def weight_shape(self) -> Shape:
        """Return the shape of W, outputs last."""

    def shapes(self) -> dict[str, Shape]:
        return {"W": self.weight_shape()} | ({"b": (self.outputs,)} if self.bias else {})

    def bind(self, values: Views, grads: Views, state: Views) -> None:
        self.W = values["W"].reshape(-1, self.outputs)
        self.dW = grads["W"].reshape(-1, self.outputs)
        if self.bias:
            self.b = values["b"]
            self.db = grads["b"]

    def initialize(self, init: Initializer, rng: np.random.Generator) -> None:
        fan_out = self.outputs * self.receptive_field
        init(self.W, fan_in=len(self.W), fan_out=fan_out, rng=rng, gain=self.next_gain)
        if self.bias:
            self.b.fill(0)


@dataclass(eq=False)
class Dense(Weighted):
    """y = x W + b, with W (I, O) and b (O,)."""

    takes = "vectors"
    outputs: Size  # O
    bias: bool = True
    init: Initializer | None = None  # of W; None: that of the experiment

    def connect(self, inputs: Shape) -> Shape:
        super().connect(inputs)
        return (self.outputs,)

    def weight_shape(self) -> Shape:
        return (*self.input_shape, self.outputs)

    def allocate(self, capacity: int, dtype: DTypeLike) -> None:
        self.y = Buffer(capacity, (self.outputs,), dtype)
        self.dx = Buffer(capacity if self.needs_dx else 0, self.input_shape, dtype)
        self.ones: Array = np.ones(capacity, dtype)  # (B,)

    def forward(self, x: Array, training: bool = False) -> Array:
        self.x = x
        y = self.matmul(x, self.W, out=self.y(len(x)))
        if self.bias:
            y += self.b
        return y

    def backward(self, dy: Array) -> Array:
        self.matmul(self.x.T, dy, out=self.dW)
        if self.bias:
            np.matmul(self.ones[: len(dy)], dy, out=self.db)  # sums over the batch, faster than a sum does
        if not self.needs_dx:
            return dy[:0]
        return self.matmul(dy, self.W.T, out=self.dx(len(dy)))
