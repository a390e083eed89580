"""What a network says of each of some examples, and how far its confidence can be believed.

N examples, C classes, T targets or labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True)
class Predictions:
    """Predictions beside the truth.

    Attributes:
        index: (N,) the examples' rows in their data set.
        true: (N,) classes, (N, T) numbers in their own unit, or (N, T) whether each label is true.
        predicted: likewise.
        confidence: (N,) the probability of the predicted class, or (N, T) that of each label; None in a regression.
    """

    index: NDArray[np.int64]
    true: NDArray[Any]
    predicted: NDArray[Any]
    confidence: NDArray[np.floating] | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it under the names of the file; what is no class is called y there."""
        true = "true" if self.true.ndim == 1 else "y"
        told = {"index": self.index, true: self.true, "predicted": self.predicted}
        return told if self.confidence is None else told | {"confidence": self.confidence.astype(np.float32)}


def expected_calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """ECE = sum over bins of |B| / N · |accuracy(B) - confidence(B)|: Guo et al. 2017, eq. 3, with bins of equal width.

    Args:
        confidence: (N,) in (0, 1], of the predicted classes.
        right: (N,) whether they are the true ones.
        bins: M; the m-th holds the confidences in ((m - 1) / M, m / M].
    """
    place = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    surplus = np.bincount(place, right.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(surplus).sum() / len(confidence))
