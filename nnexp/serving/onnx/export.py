"""Convert a network to an ONNX model from stored examples to predictions.

N examples, O outputs. Input: x (N, *shape), bytes or float32; float64
if a column needs it. Outputs of classes: logits, probabilities
(N, O), class (N,); of labels: logits, probabilities, labels (N, O); of a regression: y (N, O) in its units.
"""

import json
from functools import singledispatch
from math import prod
from typing import TYPE_CHECKING

import numpy as np

import nnexp.serving.onnx.activations  # noqa: F401
import nnexp.serving.onnx.layers  # noqa: F401, both register translations
from nnexp.preprocessing.channels import ChannelScaling, pixel_scale
from nnexp.preprocessing.scaling import Standardization
from nnexp.serving.errors import TranslationError
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.onnx.graph import IR_VERSION, OPSET, Graph, translate
from nnexp.serving.predictor import Predictor
from nnexp.task import Task
from nnexp.tasks import Classification, Multilabel, Regression

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def onnx_model(predictor: Predictor, metadata: dict[str, str]) -> "ModelProto":
    """Convert scaling, layers and predictions, in float32; metadata are added to the model's properties.

    Raises:
        TranslationError: a layer has no translation.
    """
    from onnx.helper import make_graph, make_model, make_opsetid, set_model_props

    graph = Graph()
    with graph.within("scale"):
        x = _scale(graph, predictor)
    z = translate(predictor.network.stack, graph, x)
    with graph.within("out"):
        outputs = add_outputs(predictor.task, graph, predictor, z)
    onnx_graph = make_graph(graph.nodes, "nnexp", [_input(predictor)], outputs, [*graph.constants.values()])
    model = make_model(
        onnx_graph,
        opset_imports=[make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="nnexp",
        producer_version=metadata.get("nnexp_version", ""),
        doc_string=metadata.get("description", ""),
    )
    set_model_props(model, _properties(predictor.spec) | metadata)
    return model


def _properties(spec: ModelSpec) -> dict[str, str]:
    """Return what the numbers mean, lists as JSON; a category's input is named column=category."""
    columns = [name for column in spec.columns for name in column.inputs]
    lists = {"classes": spec.classes, "targets": spec.targets, "columns": columns}
    properties = {key: json.dumps(names, ensure_ascii=False) for key, names in lists.items() if names}
    return {"task": spec.task} | properties


def _input(predictor: Predictor) -> "ValueInfoProto":
    """Describe the input x."""
    from onnx.helper import make_tensor_value_info, np_dtype_to_tensor_dtype

    scale = predictor.spec.pixel_scale
    values = "NaN where one is missing" if scale is None else f"0 to {1 / scale:g}"
    dtype = np_dtype_to_tensor_dtype(predictor.spec.given)
    shape: list[str | int | None] = ["N", *predictor.spec.shape]
    return make_tensor_value_info("x", dtype, shape, f"numbers as the data set stores them: {values}")


def _scale(graph: Graph, predictor: Predictor) -> str:
    """Add the scaling of numbers, in the precision of stored numbers or of the network, then float32."""
    scale = predictor.spec.scale
    stored = predictor.stored
    precision = np.result_type(stored, predictor.network.dtype)
    x = "x"
    if predictor.network.inputs != predictor.spec.shape:
        shape = [0, *predictor.network.inputs]  # 0: any N
        x = graph.add("Reshape", x, graph.constant("shape", shape, np.int64))
    if not isinstance(scale, Standardization):
        x = graph.cast(x, stored, np.float32)
        factor = pixel_scale(scale)
        x = graph.add("Mul", x, graph.constant("factor", factor)) if factor != 1 else x
        return _standardize_channels(graph, x, scale, predictor) if isinstance(scale, ChannelScaling) else x
    if scale.origin is not None:
        x = graph.add("Sub", x, graph.constant("origin", scale.origin, np.float64))
        x = graph.cast(x, np.float64, stored)
    x = graph.cast(x, stored, precision)
    x = graph.add("Sub", x, graph.constant("shift", scale.shift, precision))
    x = graph.add("Mul", x, graph.constant("factor", scale.factor, precision))
    x = graph.cast(x, precision, np.float32)
    return graph.add("Where", graph.add("IsNaN", x), graph.constant("missing", 0), x)


def _standardize_channels(graph: Graph, x: str, scale: ChannelScaling, predictor: Predictor) -> str:
    """Add the standardization of the channels of scaled images, which are flat."""
    pixels = prod(predictor.spec.shape) // len(scale.mean)
    x = graph.add("Sub", x, graph.constant("mean", scale.mean.repeat(pixels)))
    return graph.add("Div", x, graph.constant("deviation", scale.deviation.repeat(pixels)))


@singledispatch
def add_outputs(task: Task, graph: Graph, predictor: Predictor, z: str) -> list["ValueInfoProto"]:
    """Add predictions from a network's outputs z (N, O); returns the graph's outputs, predictions last."""
    raise TranslationError(f"the task {task.name} has no ONNX translation")


@add_outputs.register(Regression)
def _(task: Task, graph: Graph, predictor: Predictor, z: str) -> list["ValueInfoProto"]:
    if (scale := predictor.spec.target_scale) is not None:
        is_exact = scale.origin is None and scale.transform is None
        dtype = np.float32 if is_exact else np.float64
        mean = scale.mean if scale.origin is None else scale.mean + scale.origin
        z = graph.cast(z, np.float32, dtype)
        z = graph.add("Mul", z, graph.constant("deviation", scale.deviation, dtype))
        z = graph.add("Add", z, graph.constant("mean", mean, dtype))
        if scale.transform is not None:
            z = graph.add("Exp", z)
        if scale.transform == "log1p":
            z = graph.add("Sub", z, graph.constant("one", 1, dtype))
        if not is_exact:
            return [_output(graph, z, "y", "DOUBLE", *predictor.network.outputs)]
    return [_output(graph, z, "y", "FLOAT", *predictor.network.outputs)]


@add_outputs.register(Multilabel)
def _(task: Task, graph: Graph, predictor: Predictor, z: str) -> list["ValueInfoProto"]:
    outputs = _probabilities(graph, predictor, z)
    labels = graph.add("Greater", "logits", graph.constant("threshold", 0))
    return [*outputs, _output(graph, labels, "labels", "BOOL", *predictor.network.outputs)]


@add_outputs.register(Classification)
def _(task: Task, graph: Graph, predictor: Predictor, z: str) -> list["ValueInfoProto"]:
    outputs = _probabilities(graph, predictor, z)
    return [*outputs, _output(graph, graph.add("ArgMax", "logits", axis=1, keepdims=0), "class", "INT64")]


def _probabilities(graph: Graph, predictor: Predictor, z: str) -> list["ValueInfoProto"]:
    """Add logits and probabilities, as `nnexp.nn.output_activations` computes them."""
    shape, activation = predictor.network.outputs, predictor.spec.output_activation
    logits = _output(graph, z, "logits", "FLOAT", *shape)
    if activation == "identity":
        p = graph.add("Clip", "logits", graph.constant("lowest", 0), graph.constant("highest", 1))
    else:
        p = graph.add(activation.title(), "logits", **({"axis": 1} if activation == "softmax" else {}))
    return [logits, _output(graph, p, "probabilities", "FLOAT", *shape)]


def _output(graph: Graph, value: str, name: str, dtype: str, *shape: int) -> "ValueInfoProto":
    """Name a value as an output of the graph, (N, *shape)."""
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    return make_tensor_value_info(graph.output(value, name), getattr(TensorProto, dtype), ["N", *shape])
