"""A run's network as an ONNX model that takes examples as the data set stores them and says what it makes of them.

N examples, I inputs, O outputs, C classes, T targets, L labels. In: x (N, *shape), bytes or float32. Out: of a classification logits
(N, O), probabilities (N, C) and class (N,); of several labels logits, probabilities and labels (N, L); of a regression y (N, T) in the
targets' own units.
"""

import json
from typing import TYPE_CHECKING

import numpy as np

import nnexp.serving.onnx.activations
import nnexp.serving.onnx.layers  # noqa: F401, both register what they know
from nnexp.preprocessing.scaling import Standardization
from nnexp.serving.onnx.graph import IR_VERSION, OPSET, Graph, translate

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

    from nnexp.nn.output_activations import Link
    from nnexp.serving.predictor import Predictor


def onnx_model(predictor: "Predictor", metadata: dict[str, str]) -> "ModelProto":
    """The model: scaling, layers and what their outputs mean, in float32.

    Args:
        predictor: whose network and description are translated.
        metadata: goes into the model's properties, beside task, classes, targets and columns; "nnexp_version" and "description" into
            the fields that ONNX has for them too.

    Raises:
        TranslationError: a layer has no translation.
    """
    from onnx.helper import make_graph, make_model, make_opsetid, set_model_props

    graph = Graph()
    with graph.within("scale"):
        x = scaled(graph, predictor)
    z = translate(predictor.network.stack, graph, x)
    with graph.within("out"):
        results = outputs(graph, predictor, z)
    made = make_graph(graph.nodes, "nnexp", [given(predictor)], results, [*graph.constants.values()])
    model = make_model(
        made,
        opset_imports=[make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="nnexp",
        producer_version=metadata.get("nnexp_version", ""),
        doc_string=metadata.get("description", ""),
    )
    set_model_props(model, properties(predictor) | metadata)
    return model


def properties(predictor: "Predictor") -> dict[str, str]:
    """What the numbers mean, as JSON where it is a list; of a table also the name of each column of x."""
    lists = {"classes": predictor.classes, "targets": predictor.targets, "columns": columns(predictor)}
    return {"task": predictor.task} | {
        key: json.dumps(names, ensure_ascii=False) for key, names in lists.items() if names
    }


def columns(predictor: "Predictor") -> list[str]:
    """The names of x's columns; one that is 1 in rows of a category and else 0 is called kind=category."""
    named: list[str] = []
    for column in predictor.columns:
        named += (
            [column.name]
            if column.categories is None
            else [f"{column.name}={value}" for value in column.categories]
        )
    return named


def given(predictor: "Predictor") -> "ValueInfoProto":
    """The input."""
    from onnx.helper import make_tensor_value_info, np_dtype_to_tensor_dtype

    stored, scale = predictor.stored, predictor.scale
    told = "as the data set stores them"
    told += "; NaN where one is missing" if isinstance(scale, Standardization) else f": 0 to {1 / scale:g}"
    return make_tensor_value_info(
        "x", np_dtype_to_tensor_dtype(stored), ["N", *predictor.shape], f"numbers {told}"
    )


def scaled(graph: Graph, predictor: "Predictor") -> str:
    """Stored numbers as the network sees them, (N, I); in the network's own precision, then in float32."""
    from onnx.helper import np_dtype_to_tensor_dtype

    scale, stored, precision = predictor.scale, predictor.stored, predictor.network.dtype
    x, inputs = "x", predictor.network.inputs
    if inputs != predictor.shape:
        x = graph.add("Reshape", x, graph.constant("shape", [0, *inputs], np.int64))  # 0: as many as come
    if not isinstance(scale, Standardization):
        x = (
            graph.add("Cast", x, to=np_dtype_to_tensor_dtype(np.dtype(np.float32)))
            if stored != np.float32
            else x
        )
        return graph.add("Mul", x, graph.constant("factor", scale)) if scale != 1 else x
    x = graph.add("Cast", x, to=np_dtype_to_tensor_dtype(precision)) if stored != precision else x
    x = graph.add("Sub", x, graph.constant("shift", scale.shift, precision))
    x = graph.add("Mul", x, graph.constant("factor", scale.factor, precision))
    x = (
        graph.add("Cast", x, to=np_dtype_to_tensor_dtype(np.dtype(np.float32)))
        if precision != np.float32
        else x
    )
    return graph.add("Where", graph.add("IsNaN", x), graph.constant("missing", 0), x)


def outputs(graph: Graph, predictor: "Predictor", z: str) -> list["ValueInfoProto"]:
    """What the network's outputs z (N, O) mean."""
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    wide: list[str | int | None] = ["N", *predictor.network.outputs]
    if predictor.task == "regression":
        if (restore := predictor.restore) is not None:
            z = graph.add("Mul", z, graph.constant("deviation", restore.deviation))
            z = graph.add("Add", z, graph.constant("mean", restore.mean))
        y = graph.output(z, "y")
        return [
            make_tensor_value_info(
                y, TensorProto.FLOAT, wide, f"in their own units: {', '.join(predictor.targets)}"
            )
        ]
    logits = graph.output(z, "logits")
    probabilities = graph.output(linked(graph, predictor.link, logits), "probabilities")
    found = [make_tensor_value_info(logits, TensorProto.FLOAT, wide, "before they become probabilities")]
    found.append(make_tensor_value_info(probabilities, TensorProto.FLOAT, wide))
    if predictor.task == "multilabel":
        labels = graph.output(graph.add("Greater", logits, graph.constant("even", 0)), "labels")
        return [
            *found,
            make_tensor_value_info(
                labels, TensorProto.BOOL, wide, f"which are true: {', '.join(predictor.targets)}"
            ),
        ]
    number = graph.output(graph.add("ArgMax", logits, axis=1, keepdims=0), "class")
    return [
        *found,
        make_tensor_value_info(
            number, TensorProto.INT64, ["N"], "the number of a class, as in the property classes"
        ),
    ]


def linked(graph: Graph, link: "Link", z: str) -> str:
    """Outputs z (N, O) as probabilities, as `nnexp.nn.output_activations` has them."""
    if link == "identity":
        return graph.add("Clip", z, graph.constant("never", 0), graph.constant("always", 1))
    return graph.add("Sigmoid", z) if link == "sigmoid" else graph.add("Softmax", z, axis=1)
