"""An ONNX graph in the making, and how a layer comes to know its nodes: the registry `translate`.

A layer of one's own registers what it is in ONNX where it is defined; nothing here imports the package onnx before a graph is made:

    from nnexp.serving.onnx.graph import translate

    @translate.register(Swish)
    def _(layer, graph, x):
        return graph.add("Mul", x, graph.add("Sigmoid", x))
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nnexp.nn.layer import Layer

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

OPSET, IR_VERSION = 17, 8  # of 2022: what reads ONNX at all reads this


class TranslationError(Exception):
    """A layer that nobody has told how to say in ONNX."""


class Graph:
    """Nodes in the order of the forward pass and the constants that they read; every value in between is known by its name.

    Attributes:
        nodes: so far.
        constants: weights and other fixed numbers, by name: weights are called as in a run's files, "0.W".
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.path = ""  # of the layer that adds nodes now: "3.0"
        self.taken: set[str] = set()

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node that has one output, and return the output's name."""
        from onnx.helper import make_node

        name = self._free(f"{self.path}/{op}" if self.path else op)
        self.nodes.append(make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: ArrayLike, dtype: DTypeLike = np.float32) -> str:
        """Keep an array, or a number, for nodes to read; returns its name, which begins with the layer's path."""
        from onnx.numpy_helper import from_array

        name = self._free(f"{self.path}.{name}" if self.path else name)
        self.constants[name] = from_array(np.ascontiguousarray(value, dtype).reshape(np.shape(value)), name)
        return name

    @contextmanager
    def within(self, path: str) -> Iterator[None]:
        """Let names begin with that path, below the present one."""
        outside = self.path
        self.path = f"{outside}.{path}" if outside else path
        try:
            yield
        finally:
            self.path = outside

    def output(self, value: str, name: str) -> str:
        """Give a value the name that it has outside; for a value that no other node reads."""
        from onnx.helper import make_node

        if self.nodes and self.nodes[-1].output[0] == value:
            self.nodes[-1].output[0] = name
        else:
            self.nodes.append(make_node("Identity", [value], [name], name=name))
        return name

    def _free(self, name: str) -> str:
        """That name, or one with a number behind it."""
        found, number = name, 1
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found


@singledispatch
def translate(layer: Layer, graph: Graph, x: str) -> str:
    """Add what a layer does outside training to a value x (N, ...), and return the name of its output.

    Args:
        layer: whose class decides which of the registered translations is taken.
        graph: to add to.
        x: the name of the layer's input.

    Raises:
        TranslationError: none is registered for the layer's class or a class that it is derived from.
    """
    kind = type(layer)
    what = f"layer {graph.path or '?'}: {kind.__module__}.{kind.__qualname__} has no translation into ONNX"
    remedy = f"register one where it is defined: @translate.register({kind.__name__}), with translate from {__name__}"
    raise TranslationError(f"{what}; {remedy}")
