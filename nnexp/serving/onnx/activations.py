"""What each activation is in ONNX; the younger ones by their formula, because their own nodes came after most that read ONNX."""

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


@translate.register
def _(layer: Identity, graph: Graph, x: str) -> str:
    return x


@translate.register
def _(layer: ReLU, graph: Graph, x: str) -> str:
    return graph.add("Relu", x)


@translate.register
def _(layer: LeakyReLU, graph: Graph, x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=layer.negative_slope)


@translate.register
def _(layer: PReLU, graph: Graph, x: str) -> str:
    return graph.add("PRelu", x, graph.constant("a", layer.a))


@translate.register
def _(layer: ELU, graph: Graph, x: str) -> str:
    return graph.add("Elu", x, alpha=layer.alpha)


@translate.register
def _(layer: SELU, graph: Graph, x: str) -> str:
    return graph.add("Selu", x, alpha=layer.alpha, gamma=layer.scale)


@translate.register
def _(layer: Tanh, graph: Graph, x: str) -> str:
    return graph.add("Tanh", x)


@translate.register
def _(layer: HardTanh, graph: Graph, x: str) -> str:
    return graph.add("Clip", x, graph.constant("lowest", -1), graph.constant("highest", 1))


@translate.register
def _(layer: Sigmoid, graph: Graph, x: str) -> str:
    return graph.add("Sigmoid", x)


@translate.register
def _(layer: Softplus, graph: Graph, x: str) -> str:
    return graph.add("Softplus", x)


@translate.register
def _(layer: SiLU, graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


@translate.register
def _(layer: Mish, graph: Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Tanh", graph.add("Softplus", x)))


@translate.register
def _(layer: GELU, graph: Graph, x: str) -> str:
    """Y = x / 2 (1 + erf(x / sqrt(2))), or 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)) in its place."""
    if layer.approximate == "tanh":
        square = graph.add("Mul", x, x)
        cubic = graph.add("Mul", square, graph.constant("cubic", sqrt(2 / pi) * 0.044715))
        bent = graph.add(
            "Tanh", graph.add("Mul", x, graph.add("Add", cubic, graph.constant("linear", sqrt(2 / pi))))
        )
    else:
        bent = graph.add("Erf", graph.add("Mul", x, graph.constant("root", sqrt(0.5))))
    share = graph.add("Add", bent, graph.constant("one", 1))
    return graph.add("Mul", graph.add("Mul", x, graph.constant("half", 0.5)), share)
