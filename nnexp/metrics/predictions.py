"""Predictions of a split beside the true values.

N examples, T targets or labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """Predictions beside the true values.

    Attributes:
        index: (N,) the examples' rows in their data set.
        true: (N,) classes, (N, T) numbers in their own unit, or (N, T) whether each label is true.
        predicted: of the same shape.
        confidence: (N,) the probability of the predicted class, or (N, T) that of each label; None in a
            regression.
    """

    index: NDArray[np.int64]
    true: NDArray[Any]
    predicted: NDArray[Any]
    confidence: NDArray[np.floating] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by their names in the .npz file; true values other than classes are named y."""
        true = "true" if self.true.ndim == 1 else "y"
        arrays = {"index": self.index, true: self.true, "predicted": self.predicted}
        return (
            arrays if self.confidence is None else arrays | {"confidence": self.confidence.astype(np.float32)}
        )
