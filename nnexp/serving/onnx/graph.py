"""An ONNX graph under construction, and the registry of translations from layers to its nodes: `translate`.

A plugin's layer registers its translation where it is defined; onnx is imported when a graph is made:

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
from nnexp.serving.errors import TranslationError

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

OPSET = 17  # of 2022: every ONNX runtime in use reads it
IR_VERSION = 8


class Graph:
    """Nodes in the order of the forward pass and their constants; every value has a name."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}  # weights have their names of a run's files: "0.W"
        self.path = ""  # of the layer that adds nodes: "3.0"
        self._names: set[str] = set()

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        from onnx.helper import make_node

        name = self._unique(f"{self.path}/{op}" if self.path else op)
        self.nodes.append(make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: ArrayLike, dtype: DTypeLike = np.float32) -> str:
        """Add an array or a number; returns its name, which starts with the layer's path."""
        from onnx.numpy_helper import from_array

        name = self._unique(f"{self.path}.{name}" if self.path else name)
        self.constants[name] = from_array(np.ascontiguousarray(value, dtype).reshape(np.shape(value)), name)
        return name

    def cast(self, x: str, current: DTypeLike, dtype: DTypeLike) -> str:
        """Add a conversion to another type, if it is another."""
        from onnx.helper import np_dtype_to_tensor_dtype

        target = np.dtype(dtype)
        return x if target == current else self.add("Cast", x, to=np_dtype_to_tensor_dtype(target))

    @contextmanager
    def within(self, path: str) -> Iterator[None]:
        """Let names start with that path, below the current one."""
        outer = self.path
        self.path = f"{outer}.{path}" if outer else path
        try:
            yield
        finally:
            self.path = outer

    def output(self, value: str, name: str) -> str:
        """Make a value an output of the graph."""
        from onnx.helper import make_node

        self.nodes.append(make_node("Identity", [value], [name], name=name))
        return name

    def _unique(self, name: str) -> str:
        """Return that name, with a number if it is in use."""
        unique = name
        number = 1
        while unique in self._names:
            number += 1
            unique = f"{name}_{number}"
        self._names.add(unique)
        return unique


@singledispatch
def translate(layer: Layer, graph: Graph, x: str) -> str:
    """Add what a layer does outside training to the value named x (N, ...); returns the name of its output.

    Raises:
        TranslationError: neither the layer's class nor a parent has a translation.
    """
    cls = type(layer)
    remedy = f"register one: @translate.register({cls.__name__}), with translate from {__name__}"
    raise TranslationError(f"layer {graph.path}: {cls.__name__} has no ONNX translation; {remedy}")
