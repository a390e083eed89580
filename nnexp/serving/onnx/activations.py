"""ONNX translations of the activations; by their formula where ONNX got a node later than most runtimes."""

from math import pi, sqrt

from nnexp.nn.activations.from_input import GELU, Mish, PReLU, SiLU
from nnexp.nn.activations.from_output import (
    ELU,
    SELU,
    HardTanh,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from nnexp.serving.onnx.graph import Graph, translate

translate.register(Identity, lambda layer, graph, x: x)
translate.register(ReLU, lambda layer, graph, x: graph.add("Relu", x))
translate.register(LeakyReLU, lambda layer, graph, x: graph.add("LeakyRelu", x, alpha=layer.negative_slope))
translate.register(PReLU, lambda layer, graph, x: graph.add("PRelu", x, graph.constant("a", layer.a)))
translate.register(ELU, lambda layer, graph, x: graph.add("Elu", x, alpha=layer.alpha))
translate.register(SELU, lambda layer, graph, x: graph.add("Selu", x, alpha=layer.alpha, gamma=layer.scale))
translate.register(Tanh, lambda layer, graph, x: graph.add("Tanh", x))
translate.register(Sigmoid, lambda layer, graph, x: graph.add("Sigmoid", x))
translate.register(Softplus, lambda layer, graph, x: graph.add("Softplus", x))
translate.register(SiLU, lambda layer, graph, x: graph.add("Mul", x, graph.add("Sigmoid", x)))


@translate.register
def _(layer: HardTanh, graph: Graph, x: str) -> str:
    return graph.add("Clip", x, graph.constant("lowest", -1), graph.constant("highest", 1))


@translate.register
def _(layer: Mish, graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Tanh", graph.add("Softplus", x)))


@translate.register
def _(layer: GELU, graph: Graph, x: str) -> str:
    """Y = x / 2 (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) instead of erf."""
    if layer.approximate == "tanh":
        cubic = graph.add("Mul", graph.add("Mul", x, x), graph.constant("cubic", sqrt(2 / pi) * 0.044715))
        factor = graph.add("Add", cubic, graph.constant("linear", sqrt(2 / pi)))
        sigmoidal = graph.add("Tanh", graph.add("Mul", x, factor))
    else:
        sigmoidal = graph.add("Erf", graph.add("Mul", x, graph.constant("root", sqrt(0.5))))
    gate = graph.add("Add", sigmoidal, graph.constant("one", 1))
    return graph.add("Mul", graph.add("Mul", x, graph.constant("half", 0.5)), gate)
