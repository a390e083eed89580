"""How well the probability of a class puts the true ones before the others: ROC and precision-recall curves.

N examples, K thresholds. Definitions as in scikit-learn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import BEST, DPI, SERIES, literal, panel, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Truths = NDArray[np.bool_]
Numbers = NDArray[np.floating]
MOST_POINTS = 1500  # of a curve, that are drawn
LONGEST_NAME = 24


@dataclass(frozen=True)
class Ranking:
    """What is found at each threshold, from the highest to the lowest.

    Attributes:
        true: examples of the class that are above the threshold, (K,).
        false: others, (K,).
    """

    true: NDArray[np.int64]
    false: NDArray[np.int64]

    @classmethod
    def of(cls, truth: Truths, score: Numbers) -> "Ranking | None":
        """From what is true, (N,), and how likely it is said to be, (N,); None where all or none are true."""
        if not len(truth) or truth.all() or not truth.any():
            return None
        order = np.argsort(-score, kind="stable")
        ends = np.append(
            np.flatnonzero(np.diff(score[order])), len(order) - 1
        )  # equal scores are passed at once
        true = truth[order].cumsum()[ends]
        return cls(true, 1 + ends - true)

    @property
    def roc(self) -> tuple[Numbers, Numbers]:
        """The share of others that are above a threshold, and of the class, both (K + 1,)."""
        return np.append(0, self.false / self.false[-1]), np.append(0, self.true / self.true[-1])

    @property
    def auc(self) -> float:
        """The area under the ROC curve: how often one of the class is before another."""
        x, y = self.roc
        return float(np.trapezoid(y, x))

    @property
    def precision(self) -> Numbers:
        """Of those above the threshold, how many are of the class, (K,)."""
        return np.asarray(self.true / (self.true + self.false))

    @property
    def recall(self) -> Numbers:
        """Of the class, how many are above the threshold, (K,)."""
        return np.asarray(self.true / self.true[-1])

    @property
    def average_precision(self) -> float:
        """The sum over the thresholds of (recall_k - recall_{k-1}) precision_k."""
        return float(np.diff(self.recall, prepend=0) @ self.precision)


def ranking(found: Mapping[str, Ranking], part: str) -> "Figure":
    """ROC at the left, precision over recall at the right; a colour for each class.

    Args:
        found: by the name of the class; a few.
        part: of the data, for the title.
    """
    from matplotlib.figure import Figure

    below = 0.24 * len(found) + 0.05 if len(found) > 1 else 0
    figure = Figure(figsize=(9.6, 4.85 + below), dpi=DPI)
    roc = panel(
        figure,
        0.7,
        0.5 + below,
        3.95,
        3.95,
        "share of the others that are taken for it",
        "share that is found",
        0.42,
    )
    pr = panel(figure, 5.45, 0.5 + below, 3.95, 3.95, "recall", "precision", 0.42)
    for (name, one), color in zip(found.items(), SERIES, strict=False):
        label = f"{literal(name[:LONGEST_NAME])}: AUC {one.auc:.4f}, average precision {one.average_precision:.4f}"
        x, y = (values[kept(len(values))] for values in one.roc)
        roc.plot(x, y, color=color, linewidth=1.8, label=label)
        pick = kept(len(one.recall))
        recall, precision = np.append(0, one.recall[pick]), np.append(one.precision[0], one.precision[pick])
        pr.plot(recall, precision, color=color, linewidth=1.8, drawstyle="steps-pre")
    roc.plot((0, 1), (0, 1), color=BEST, linewidth=0.9, linestyle="--")
    if len(found) == 1:
        ((name, one),) = found.items()
        pr.axhline(one.true[-1] / (one.true[-1] + one.false[-1]), color=BEST, linewidth=0.9, linestyle="--")
        title(roc, f"{part}, {literal(name[:LONGEST_NAME])}: AUC {one.auc:.4f}")
        title(pr, f"average precision {one.average_precision:.4f}")
    else:
        title(roc, f"{part}: ROC")
        title(pr, "precision and recall")
        figure.legend(loc="lower left", bbox_to_anchor=(0.06, 0.0), frameon=False, fontsize=9)
    for axes in (roc, pr):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return figure


def kept(n: int) -> NDArray[np.int64]:
    """The points of a curve of n that are drawn, with the first and the last."""
    return np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).round().astype(np.int64))
