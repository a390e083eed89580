"""Calibration of confidences: reliability bins and the expected calibration error.

N examples, M bins. Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class ReliabilityBins:
    """Examples in M bins of equal width by confidence: bin m is ((m - 1)/M, m/M], and 0 is in the first."""

    counts: NDArray[np.int64]  # (M,)
    confidence: NDArray[np.float64]  # the mean of each bin, (M,); 0 of an empty one
    accuracy: NDArray[np.float64]  # the share of correct predictions in each bin, (M,); 0 of an empty one

    @classmethod
    def of(cls, confidence: Numbers, correct: NDArray[np.bool_], bins: int = BINS) -> "ReliabilityBins":
        """Bin confidences (N,) in [0, 1] and whether each prediction is correct, (N,)."""
        confidence = confidence.astype(np.float64)
        index = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)
        counts = np.bincount(index, minlength=bins)
        divisor = np.maximum(counts, 1)
        mean_confidence = np.bincount(index, confidence, bins) / divisor
        return cls(counts, mean_confidence, np.bincount(index, correct, bins) / divisor)

    @property
    def expected_calibration_error(self) -> float:
        """ECE = sum over the bins of n_m / N |accuracy_m - confidence_m|, eq. 3."""
        return self._mean(np.abs(self.accuracy - self.confidence))

    @property
    def overconfidence(self) -> float:
        """The mean confidence minus the accuracy."""
        return self._mean(self.confidence - self.accuracy)

    def _mean(self, values: NDArray[np.float64]) -> float:
        """Average over the examples what is the same for all examples of a bin."""
        return float(self.counts @ values / max(1, self.counts.sum()))
