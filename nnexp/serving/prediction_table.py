"""What a network says of examples, as the columns of a table for people: names instead of numbers.

N examples, C classes, T targets, L labels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.nn.parameters import Array
from nnexp.serving.predictor import Predictor

Columns = dict[str, NDArray[Any]]


def answers(predictor: Predictor, z: Array) -> Columns:
    """The columns, each (N,), of outputs z (N, O).

    Of a classification `prediction` (the class's name), `confidence` (its probability) and `p_<class>` each; of several labels a column
    of true and false for each and its probability `p_<label>`; of a regression each target.
    """
    if predictor.task == "regression":
        return {name: column.astype(np.float64) for name, column in zip(predictor.targets, z.T, strict=True)}
    p = predictor.likely(z).astype(np.float64)
    if predictor.task == "multilabel":
        said: Columns = {name: column > 0 for name, column in zip(predictor.targets, z.T, strict=True)}
        return said | {f"p_{name}": column for name, column in zip(predictor.targets, p.T, strict=True)}
    chosen = z.argmax(axis=1)  # (N,)
    names = np.array(predictor.classes, object)
    told = {"prediction": names[chosen], "confidence": np.take_along_axis(p, chosen[:, None], axis=1)[:, 0]}
    return told | {f"p_{name}": column for name, column in zip(predictor.classes, p.T, strict=True)}


def score_predictions(predictor: Predictor, z: Array, truth: NDArray[Any]) -> tuple[float, int]:
    """How good outputs z (N, O) are, and on how many examples that is known: the accuracy, of a regression R2.

    Args:
        predictor: that they come from.
        z: the outputs.
        truth: classes (N,), -1 where it is not known; numbers (N, T), NaN where they are not known.
    """
    known = truth >= 0 if truth.ndim == 1 else ~np.isnan(truth).any(axis=1)
    z, truth = z[known], truth[known]
    if not len(z):
        return np.nan, 0
    if predictor.task == "classification":
        return float((z.argmax(axis=1) == truth).mean()), len(z)
    if predictor.task == "multilabel":
        return float(((z > 0) == (truth > 0.5)).mean()), len(z)
    errors = ((z - truth.astype(np.float64)) ** 2).sum(axis=0)
    spread = ((truth - truth.mean(axis=0, dtype=np.float64)) ** 2).sum(axis=0)
    return float(np.where(spread > 0, 1 - errors / np.where(spread > 0, spread, 1), errors == 0).mean()), len(
        z
    )
