"""Predictions of a split beside the true values: N examples, T targets or labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """Predictions beside the true values."""

    index: NDArray[np.int64]  # (N,) the examples' rows in their data set
    true: NDArray[Any]  # (N,) classes, (N, T) numbers in their own unit, or (N, T) whether each label is true
    predicted: NDArray[Any]  # of the same shape
    confidence: NDArray[np.floating] | None = None  # (N,) of the predicted class or (N, T) of each label

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Predictions":
        """Read the arrays of an .npz file."""
        true = arrays["true"] if "true" in arrays else arrays["y"]
        return cls(arrays["index"], true, arrays["predicted"], arrays.get("confidence"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by their names in the .npz file; true values other than classes are named y."""
        true = "true" if self.true.ndim == 1 else "y"
        arrays = {"index": self.index, true: self.true, "predicted": self.predicted}
        if self.confidence is not None:
            arrays["confidence"] = self.confidence.astype(np.float32)
        return arrays

    def decisions(self) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        """Return confidence and correctness of each decision: one for each example, or each of its labels."""
        assert self.confidence is not None
        correct = self.true == self.predicted
        if self.true.ndim == 1:
            return self.confidence, correct
        return np.maximum(self.confidence, 1 - self.confidence).ravel(), correct.ravel()

    def binary_scores(self, names: Sequence[str]) -> list[tuple[str, NDArray[np.bool_], NDArray[np.float64]]]:
        """Return name, truth (N,) and probability (N,) of each label, or of the second of two classes."""
        if self.confidence is None:
            return []
        confidence = self.confidence.astype(np.float64)
        if self.true.ndim == 2:
            return list(zip(names, self.true.T, confidence.T, strict=True))
        if len(names) != 2:
            return []
        return [(names[1], self.true == 1, np.where(self.predicted == 1, confidence, 1 - confidence))]
