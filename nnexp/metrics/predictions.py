"""Predictions of a split beside the true values: N examples, T targets or labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Predictions:
    """Predictions beside the true values."""

    index: NDArray[np.int64]  # (N,) the examples' rows in their file, from 0
    true: NDArray[Any]  # (N,) classes, (N, T) numbers in their own unit, or (N, T) whether each label is true
    predicted: NDArray[Any]  # of the same shape
    confidence: NDArray[np.floating] | None = None  # (N,) of the predicted class or (N, T) of each label
    log_odds: NDArray[np.floating] | None = None  # of the same: what ranks them where confidences are all 1.0
    ids: NDArray[Any] | None = None  # (N,) texts; None where an example has none

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Predictions":
        """Read the arrays of an .npz file."""
        true = arrays["true"] if "true" in arrays else arrays["y"]
        optional = (arrays.get(name) for name in ("confidence", "log_odds", "id"))
        return cls(arrays["index"], true, arrays["predicted"], *optional)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by their names in the .npz file; true values other than classes are named y."""
        true = "true" if self.true.ndim == 1 else "y"
        arrays = {"index": self.index, true: self.true, "predicted": self.predicted}
        optional = {"confidence": self.confidence, "log_odds": self.log_odds}
        if self.ids is not None:
            optional["id"] = np.array(["" if text is None else text for text in self.ids], str)
        return arrays | {name: array for name, array in optional.items() if array is not None}

    def decisions(self) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
        """Return confidence and correctness of each decision: one for each example, or each of its labels."""
        assert self.confidence is not None
        correct = self.true == self.predicted
        if self.true.ndim == 1:
            return self.confidence, correct
        return np.maximum(self.confidence, 1 - self.confidence).ravel(), correct.ravel()

    def binary_scores(self, names: Sequence[str]) -> list[tuple[str, NDArray[np.bool_], NDArray[np.float64]]]:
        """Return name, truth (N,) and score (N,) of each label, or of the second of two classes.

        The score is the logit; of predictions without one, the probability.
        """
        score = self.confidence if self.log_odds is None else self.log_odds
        if score is None:
            return []
        score = score.astype(np.float64)
        if self.true.ndim == 2:
            return list(zip(names, self.true.T, score.T, strict=True))
        if len(names) != 2:
            return []
        opposite = 1 - score if self.log_odds is None else -score
        return [(names[1], self.true == 1, np.where(self.predicted == 1, score, opposite))]

    def most_confident_mistakes(self, limit: int) -> NDArray[np.int64]:
        """Return the positions of misclassified examples, the most confident first."""
        assert self.confidence is not None
        wrong = np.flatnonzero(self.true != self.predicted)
        keys = [-array[wrong] for array in (self.log_odds, self.confidence) if array is not None]
        return wrong[np.lexsort(keys)][:limit]


def are_predictions(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> bool:
    """Return whether the arrays of a file are complete predictions whose lengths and classes fit.

    Args:
        arrays: of any content.
        names: of the classes, targets or labels; none: not known.
    """
    of_classes = "true" in arrays
    columns = ("true" if of_classes else "y", "predicted")
    if not arrays.keys() >= {"index", *columns}:
        return False
    index = arrays["index"]
    shape = index.shape if of_classes else (*index.shape, len(names)) if names else arrays["y"].shape
    kinds = {"index": "iu", **dict.fromkeys(columns, "iu" if of_classes else "biuf"), "id": "U"}
    kinds |= dict.fromkeys(("confidence", "log_odds"), "f")
    shapes = {"index": index.shape, "id": index.shape}
    if index.ndim != 1 or any(
        arrays[name].dtype.kind not in kind or arrays[name].shape != shapes.get(name, shape)
        for name, kind in kinds.items()
        if name in arrays
    ):
        return False
    if not (of_classes and names and len(index)):
        return True
    return all(arrays[name].min() >= 0 and arrays[name].max() < len(names) for name in columns)
