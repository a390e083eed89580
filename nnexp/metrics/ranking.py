"""Ranking metrics of one class or label: ROC and precision-recall curves and the areas under them.

N examples, K thresholds. Definitions as in scikit-learn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from nnexp.metrics.metric_info import AREAS

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class ThresholdCounts:
    """Positive predictions at each threshold, from the highest to the lowest, both (K,)."""

    true_positives: NDArray[np.int64]
    false_positives: NDArray[np.int64]

    @classmethod
    def of(cls, truth: NDArray[np.bool_], score: Numbers) -> "ThresholdCounts | None":
        """Count for truths (N,) and their scores (N,); None where all or none are true."""
        if not len(truth) or truth.all() or not truth.any():
            return None
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(order) - 1)  # of equal scores
        true_positives = truth[order].cumsum()[last]
        return cls(true_positives, 1 + last - true_positives)

    @property
    def roc(self) -> tuple[Numbers, Numbers]:
        """False and true positive rates, both (K + 1,)."""
        false_positive_rate = self.false_positives / self.false_positives[-1]
        return np.append(0, false_positive_rate), np.append(0, self.recall)

    @property
    def auc(self) -> float:
        """The area under the ROC curve."""
        false_positive_rate, true_positive_rate = self.roc
        return float(np.trapezoid(true_positive_rate, false_positive_rate))

    @property
    def precision(self) -> Numbers:
        """True positives / positive predictions, (K,)."""
        return np.asarray(self.true_positives / (self.true_positives + self.false_positives))

    @property
    def recall(self) -> Numbers:
        """True positives / actual positives, (K,)."""
        return np.asarray(self.true_positives / self.true_positives[-1])

    @property
    def average_precision(self) -> float:
        """The sum over the thresholds of (recall_k - recall_{k-1}) precision_k."""
        return float(np.diff(self.recall, prepend=0) @ self.precision)


def macro_areas(labels: Iterable[tuple[NDArray[np.bool_], Numbers]]) -> dict[str, float]:
    """Average the areas over labels, each of truths (N,) and scores (N,); empty where none is defined.

    A label that is true, or false, of all examples has no areas and does not count.
    """
    counts = [of_one for truth, score in labels if (of_one := ThresholdCounts.of(truth, score)) is not None]
    if not counts:
        return {}
    auc = fmean(of_one.auc for of_one in counts)
    average_precision = fmean(of_one.average_precision for of_one in counts)
    return dict(zip(AREAS, (auc, average_precision), strict=True))
