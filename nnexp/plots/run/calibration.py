"""Whether a network is as often right as it is sure: the reliability diagram, and how sure it is.

N examples, M bins. Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import BEST, DPI, TRAIN, panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 15
TOO_SURE, UNSURE = "#f0b4ae", "#a3cbe8"
SHARE_TICKS = (0.0001, 0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Reliability:
    """Examples in M bins of equal width by their confidence: bin m is ((m - 1)/M, m/M], and 0 is in the first.

    Attributes:
        counts: (M,).
        confidence: the mean of each bin, (M,); 0 of an empty one.
        accuracy: the share that is right in each bin, (M,); likewise.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @classmethod
    def of(
        cls, confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS
    ) -> "Reliability":
        """Bin confidences (N,) in [0, 1] and whether each answer is right, (N,)."""
        place = (np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1).clip(0, bins - 1)
        counts = np.bincount(place, minlength=bins)
        some = np.maximum(counts, 1)
        sure = np.bincount(place, confidence, bins) / some
        return cls(counts, sure, np.bincount(place, right, bins) / some)

    @property
    def ece(self) -> float:
        """The expected calibration error: sum over the bins of n_m / N |accuracy_m - confidence_m|, eq. 3."""
        return float(self.counts @ np.abs(self.accuracy - self.confidence) / max(1, self.counts.sum()))

    @property
    def overconfidence(self) -> float:
        """The mean confidence less the share that is right."""
        return float(self.counts @ (self.confidence - self.accuracy) / max(1, self.counts.sum()))


def calibration(confidence: NDArray[np.floating], right: NDArray[np.bool_], part: str) -> "Figure":
    """The reliability diagram above, how many examples are how sure below.

    Args:
        confidence: the probability of what is predicted, (N,).
        right: whether that is true, (N,).
        part: of the data, for the title.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    found = Reliability.of(confidence, right)
    edges = np.linspace(0, 1, BINS + 1)
    figure = Figure(figsize=(5.2, 6.3), dpi=DPI)
    above = panel(figure, 0.72, 2.1, 4.3, 3.65, up="share that is right", room=0.55)
    below = panel(
        figure, 0.72, 0.5, 4.3, 1.2, "confidence: the probability of what is predicted", "examples", 0.55
    )
    sure, right_share = found.confidence, found.accuracy
    above.stairs(right_share, edges, fill=True, color=TRAIN, label="is right")
    above.stairs(
        np.maximum(sure, right_share),
        edges,
        baseline=right_share,
        fill=True,
        color=TOO_SURE,
        label="too sure by",
    )
    above.stairs(
        right_share,
        edges,
        baseline=np.minimum(sure, right_share),
        fill=True,
        color=UNSURE,
        label="not sure enough by",
    )
    above.plot((0, 1), (0, 1), color=BEST, linewidth=0.9, linestyle="--")
    above.set(xlim=(0, 1), ylim=(0, 1))
    sign = "too sure" if found.overconfidence > 0 else "not sure enough"
    figure.text(
        0.5,
        6.13 / 6.3,
        f"{part}: ECE {found.ece:.4f}, {100 * abs(found.overconfidence):.2f} points {sign}",
        ha="center",
        va="top",
        fontsize=11,
    )
    above.legend(
        frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 0.995), borderpad=0.2
    )
    total = max(1, found.counts.sum())
    shares, least = found.counts / total, 0.5 / total
    below.stairs(np.maximum(shares, least), edges, baseline=least, fill=True, color=TRAIN)
    below.set(xlim=(0, 1), yscale="log", ylim=(least, 1.6))
    ticks = [tick for tick in SHARE_TICKS if tick > least]
    below.set_yticks(ticks, [f"{100 * tick:g}%" for tick in ticks])
    below.yaxis.set_minor_locator(NullLocator())
    return figure
