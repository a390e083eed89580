"""Verify that an ONNX model computes what the network does, on random examples.

N examples, I inputs, O outputs.
"""

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.preprocessing.scaling import Standardization, transformed
from nnexp.serving.errors import VerificationError
from nnexp.serving.predictor import Predictor

if TYPE_CHECKING:
    from onnx import ModelProto

EXAMPLES = 1000
ATOL = 1e-3  # of logits, or of targets in units of their deviation: deep networks magnify rounding
RTOL = 1e-3  # of the example's largest
MISSING = 0.05  # the share of a table's numbers that are missing
FATAL = 4  # onnxruntime's log level; lower ones are about the machine


def verify(model: "ModelProto", predictor: Predictor) -> float:
    """Compare a model with the network; returns the largest difference, relative to outputs above 1.

    Raises:
        VerificationError: values differ by more than ATOL + RTOL * outputs, a class or label by twice that.
    """
    x = random_examples(predictor, EXAMPLES, np.random.default_rng(0))
    z = predictor.outputs(x).astype(np.float64)
    outputs = run(model, x)
    task = predictor.task
    (first, *_), last = outputs, next(reversed(outputs))
    unit: Any = 1.0
    if (scale := predictor.spec.target_scale) is not None:
        unit = scale.deviation
        z, outputs[first] = transformed(z, scale.transform), transformed(outputs[first], scale.transform)
    with np.errstate(all="ignore"):  # a diverged network has NaN
        size = np.abs(z / unit).max(axis=1, keepdims=True, where=np.isfinite(z), initial=0)  # (N, 1)
        tolerance = ATOL + RTOL * size
        _compare(first, outputs[first] / unit, z / unit, tolerance)
        if (p := predictor.probabilities(z)) is not None:
            _compare("probabilities", outputs["probabilities"], p, tolerance)
            margin = task.margin(z)
            decided = margin > 2 * tolerance.reshape(-1, *[1] * (margin.ndim - 1))
            _compare(last, outputs[last][decided], task.predicted(z)[decided], 0)
        difference = np.abs(outputs[first] - z) / unit / np.maximum(size, 1)
    return float(difference.max(where=np.isfinite(z), initial=0))


def _compare(name: str, actual: NDArray[Any], expected: NDArray[Any], tolerance: ArrayLike) -> None:
    if actual.shape != expected.shape or not np.isclose(actual, expected, 0, tolerance, equal_nan=True).all():
        difference = np.abs(actual.astype(np.float64) - expected).max()
        what = f"{name} differs from the network's by {difference:.2g} on random examples"
        raise VerificationError(f"{what}; fix: a derived layer needs its own @translate.register")


def run(model: "ModelProto", x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Compute the model's outputs by name, with one thread of onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    content = model.SerializeToString()
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, options, providers=providers)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


def random_examples(predictor: Predictor, examples: int, rng: np.random.Generator) -> NDArray[Any]:
    """Draw examples as files have them, (N, *shape).

    Images are noise, blank to a share that differs between them. Standardized columns are normal, others 0 or
    1, and some numbers are missing.
    """
    scale = predictor.spec.scale
    factor = predictor.spec.pixel_scale
    stored = predictor.spec.given
    size = (examples, prod(predictor.spec.shape))
    if isinstance(scale, Standardization):
        deviation = np.divide(1, scale.factor, out=np.zeros(size[1]), where=scale.factor > 0)
        x = scale.mean + rng.standard_normal(size) * deviation
        binary = (scale.mean == 0) & (scale.factor == 1)
        x[:, binary] = rng.integers(0, 2, (examples, binary.sum()))
        if stored.kind == "f":
            x[rng.random(size) < MISSING] = np.nan
    else:
        assert factor is not None
        largest = 1 / factor if stored.kind == "f" else min(round(1 / factor), np.iinfo(stored).max)
        drawn = rng.random(size) < rng.random((examples, 1))
        x = np.where(drawn, rng.uniform(0, largest, size), 0)
    rounded: NDArray[Any] = x if stored.kind == "f" else x.round()
    return rounded.astype(stored).reshape(examples, *predictor.spec.shape)
