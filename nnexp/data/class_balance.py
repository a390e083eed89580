"""Class imbalance: describe it, and sample all classes equally often."""

import numpy as np
from numpy.typing import NDArray

from nnexp.data.splitting import Labels, Rows

MIN_RATIO = 1.5  # of the largest class to the smallest: below, classes count as balanced


def describe_imbalance(y: Labels, classes: tuple[str, ...]) -> str | None:
    """Describe in a line how unequal the classes of rows y (N,) are; None where they are about equal."""
    counts = np.bincount(y, minlength=len(classes))
    rare, common = counts.argmin(), counts.argmax()
    if counts[common] < MIN_RATIO * counts[rare]:
        return None
    span = f"classes from {counts[rare]:,} ({classes[rare]}) to {counts[common]:,} ({classes[common]})"
    if not counts[rare]:
        return f"{span}: a class without examples cannot be learned"
    ratio = counts[common] / counts[rare]
    return f"{span}, {ratio:.{0 if ratio >= 10 else 1}f} : 1; data.balanced=true draws them equally often"


class BalancedSampler:
    """Samples all classes equally often: the rows of each class in random order, repeated as often as needed.

    In one pass, classes differ by at most one in their counts, and so do the rows of a class. y are the
    classes of all rows of the data set.
    """

    def __init__(self, rows: Rows, y: Labels) -> None:
        of_class = y[rows]
        self.members = [rows[of_class == label] for label in np.unique(of_class)]

    def draw(self, out: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Fill `out` (N,) in a random order."""
        per_class, surplus = divmod(len(out), len(self.members))
        extra = rng.permutation(len(self.members)) < surplus
        start = 0
        for members, one_more in zip(self.members, extra, strict=True):
            count = per_class + int(one_more)
            repeats, rest = divmod(count, len(members))
            out[start : start + repeats * len(members)].reshape(repeats, len(members))[:] = members
            out[start + count - rest : start + count] = rng.permutation(members)[:rest]
            start += count
        rng.shuffle(out)
