"""Does an ONNX model say what the network says? Both are asked about random examples of the kind that the data set stores.

N examples, I inputs, O outputs.
"""

from copy import copy, deepcopy
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.preprocessing.scaling import Standardization

if TYPE_CHECKING:
    from onnx import ModelProto

    from nnexp.serving.predictor import Predictor

TOLERANCE = 1e-5
ROUNDINGS = 10  # how many times the network's own error another order of its sums may make
LIMIT = 1e-2  # and yet no more than this: beyond it nobody can tell what is rounding and what is wrong
EXAMPLES = 1000
MISSING = 0.05  # the share of a table's numbers that are not there
FATAL = 4  # of onnxruntime's messages only these are shown: the others speak of the machine


@dataclass(frozen=True)
class Comparison:
    """How far a model is from its network.

    Attributes:
        apart: the largest difference between what the model and the network say.
        rounding: the same between the network and itself in float64, if apart is beyond 1e-5: very deep networks magnify the last bit.
    """

    apart: float
    rounding: float = 0.0

    @property
    def same(self) -> bool:
        """Whether the difference is one of rounding."""
        return self.apart <= min(max(TOLERANCE, ROUNDINGS * self.rounding), LIMIT)


def compare(model: "ModelProto", predictor: "Predictor", examples: int = EXAMPLES) -> Comparison:
    """Ask onnxruntime and the network about the same random examples."""
    x = random_examples(predictor, examples, np.random.default_rng(0))
    z = predictor.outputs(x)
    with np.errstate(all="ignore"):  # of a network that has lost its numbers
        apart = difference(run(model, x), predictor, z)
        if apart <= TOLERANCE:
            return Comparison(apart)
        itself = {"y" if predictor.task == "regression" else "logits": z}
        return Comparison(apart, difference(itself, predictor, precise(predictor).outputs(x)))


def difference(theirs: dict[str, NDArray[Any]], predictor: "Predictor", z: Array) -> float:
    """The largest difference of a model's outputs from a network's outputs z (N, O).

    Logits are compared in units of the largest of their example where that is beyond 1, targets in units of the target or of its
    deviation: sums of large numbers cannot be nearer. A class or a label that does not follow from them is a difference of 1.
    """
    z = z.astype(np.float64)
    if predictor.task == "regression":
        deviation = 1.0 if predictor.restore is None else predictor.restore.deviation
        return largest(theirs["y"], z, np.maximum(np.abs(z), deviation))
    reach = np.maximum(np.abs(z).max(axis=1, keepdims=True), 1)  # (N, 1)
    apart = largest(theirs["logits"], z, reach)
    tie = 2 * max(apart, TOLERANCE) * reach
    if "probabilities" in theirs:
        apart = max(apart, largest(theirs["probabilities"], predictor.likely(z), 1.0))
    if "class" in theirs:
        behind = z.max(axis=1, keepdims=True) - np.take_along_axis(z, theirs["class"][:, None], axis=1)
        apart = max(apart, float((behind > tie).any()))
    if "labels" in theirs:
        apart = max(apart, float(((theirs["labels"] != (z > 0)) & (np.abs(z) > tie)).any()))
    return apart


def precise(predictor: "Predictor") -> "Predictor":
    """The same network in float64."""
    twin, network = copy(predictor), predictor.network
    twin.network = Network(deepcopy(network.layers), network.inputs, network.capacity, np.float64)
    twin.network.theta[...] = network.theta
    twin.network.state[...] = network.state
    return twin


def largest(theirs: NDArray[Any], ours: NDArray[Any], reach: NDArray[Any] | float) -> float:
    """The largest difference in units of `reach`; infinite where one is a number and the other is not."""
    if theirs.shape != ours.shape or (np.isfinite(theirs) != np.isfinite(ours)).any():
        return np.inf
    apart = np.subtract(theirs, ours, out=np.zeros(ours.shape), where=np.isfinite(ours))
    return float((np.abs(apart) / reach).max(initial=0.0))


def run(model: "ModelProto", x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The model's outputs by name, by one thread of onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"x": x}), strict=True))


def random_examples(predictor: "Predictor", examples: int, rng: np.random.Generator) -> NDArray[Any]:
    """Examples as the data set stores them, (N, *shape): strokes of noise for images, for tables what the columns' mean and deviation say.

    Images are blank to a share that differs from one to the next. A table's columns that are not standardised hold 0 or 1, and some
    numbers are missing.
    """
    scale, width, stored = predictor.scale, prod(predictor.shape), predictor.stored
    if isinstance(scale, Standardization):
        varies = scale.factor > 0
        x = scale.shift + np.divide(
            rng.standard_normal((examples, width)),
            scale.factor,
            out=np.zeros((examples, width)),
            where=varies,
        )
        plain = (scale.shift == 0) & (scale.factor == 1)
        x[:, plain] = rng.integers(0, 2, (examples, plain.sum()))
        x[rng.random(x.shape) < MISSING] = np.nan
    else:
        most = 1 / scale if stored.kind == "f" else min(round(1 / scale), np.iinfo(stored).max)
        inked = rng.random((examples, width)) < rng.random((examples, 1))
        x = np.asarray(inked * rng.uniform(0, most, (examples, width)))
    return (x if stored.kind == "f" else x.round()).astype(stored).reshape(examples, *predictor.shape)
