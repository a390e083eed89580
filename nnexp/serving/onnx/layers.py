"""ONNX translations of the layers. Images are (N, C, H, W), however they lie in memory."""

from nnexp.nn.layers.containers import Residual, Stack
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dense import Dense
from nnexp.nn.layers.dropout import Dropout, GaussianNoise
from nnexp.nn.layers.flatten import Flatten, Unflatten
from nnexp.nn.layers.normalization import BatchNorm, LayerNorm
from nnexp.nn.layers.pooling import AvgPool2d, GlobalAvgPool2d, Maxout, MaxPool2d, Pool2d
from nnexp.serving.onnx.graph import Graph, translate


def _pool(layer: Pool2d, op: str, graph: Graph, x: str) -> str:
    return graph.add(op, x, kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2)


translate.register(Dropout, lambda layer, graph, x: x)  # stochastic layers act in training only
translate.register(GaussianNoise, lambda layer, graph, x: x)
translate.register(MaxPool2d, lambda layer, graph, x: _pool(layer, "MaxPool", graph, x))
translate.register(AvgPool2d, lambda layer, graph, x: _pool(layer, "AveragePool", graph, x))
translate.register(Flatten, lambda layer, graph, x: graph.add("Flatten", x))


@translate.register
def _(layer: GlobalAvgPool2d, graph: Graph, x: str) -> str:
    return graph.add("Flatten", graph.add("GlobalAveragePool", x))


@translate.register
def _(layer: Stack, graph: Graph, x: str) -> str:
    for i, inner in enumerate(layer.layers):
        with graph.within(str(i)):
            x = translate(inner, graph, x)
    return x


@translate.register
def _(layer: Residual, graph: Graph, x: str) -> str:
    y = translate(layer.body, graph, x)
    shortcut = x
    if layer.shortcut:
        with graph.within("shortcut"):
            shortcut = translate(layer.shortcut, graph, x)
    return graph.add("Add", y, shortcut)


@translate.register
def _(layer: Dense, graph: Graph, x: str) -> str:
    W = graph.constant("W", layer.W)
    return graph.add("Gemm", x, W, graph.constant("b", layer.b)) if layer.bias else graph.add("MatMul", x, W)


@translate.register
def _(layer: Conv2d, graph: Graph, x: str) -> str:
    W = graph.constant("W", layer.W.reshape(layer.weight_shape()).transpose(3, 0, 1, 2))  # (O, C, K, K)
    b = [graph.constant("b", layer.b)] if layer.bias else []
    windows = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.padding] * 4}
    return graph.add("Conv", x, W, *b, **windows)


@translate.register
def _(layer: BatchNorm, graph: Graph, x: str) -> str:
    running = {"gamma": layer.gamma, "beta": layer.beta, "mean": layer.running_mean, "var": layer.running_var}
    constants = [graph.constant(name, value.ravel()) for name, value in running.items()]
    return graph.add("BatchNormalization", x, *constants, epsilon=layer.eps)


@translate.register
def _(layer: LayerNorm, graph: Graph, x: str) -> str:
    gamma, beta = graph.constant("gamma", layer.gamma), graph.constant("beta", layer.beta)
    return graph.add("LayerNormalization", x, gamma, beta, epsilon=layer.eps)


@translate.register
def _(layer: Maxout, graph: Graph, x: str) -> str:
    shape = graph.constant("shape", [0, layer.pieces, layer.outputs], "int64")  # (N, K, O)
    return graph.add("ReduceMax", graph.add("Reshape", x, shape), axes=[1], keepdims=0)


@translate.register
def _(layer: Unflatten, graph: Graph, x: str) -> str:
    return graph.add("Reshape", x, graph.constant("shape", [0, *layer.shape], "int64"))  # 0: any N
