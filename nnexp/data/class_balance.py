"""Rare and common classes: how unequal they are, and how to draw them equally often."""

import numpy as np
from numpy.typing import NDArray

from nnexp.data.splitting import Labels, Rows

UNEQUAL = 1.5  # from this ratio of the largest class to the smallest on, a person is told


def describe_imbalance(y: Labels, classes: tuple[str, ...]) -> str | None:
    """How unequal the classes of some rows are, in a line; None where they are about equal.

    Args:
        y: the class of each row (N,).
        classes: the name of each class.
    """
    counts = np.bincount(y, minlength=len(classes))
    rare, common = counts.argmin(), counts.argmax()
    if counts[common] < UNEQUAL * counts[rare]:
        return None
    span = f"classes from {counts[rare]:,} ({classes[rare]}) to {counts[common]:,} ({classes[common]})"
    if not counts[rare]:
        return f"{span}: what never occurs cannot be learnt"
    ratio = counts[common] / counts[rare]
    return f"{span}, {ratio:.{0 if ratio >= 10 else 1}f} : 1; data.balanced=true draws them equally often"


class BalancedSampler:
    """Draws rows so that all classes come equally often: each class's rows in turn, in a drawn order, as often as needed.

    In one draw neither the classes nor the rows of a class differ by more than one in how often they come.

    Args:
        rows: to draw from (N,).
        y: the class of every row of the data set.
    """

    def __init__(self, rows: Rows, y: Labels) -> None:
        of_class = y[rows]
        self.members = [rows[of_class == label] for label in np.unique(of_class)]

    def draw(self, out: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Fill `out` (N,) in a drawn order."""
        one_more = rng.permutation(len(self.members)) < len(out) % len(self.members)
        start = 0
        for members, more in zip(self.members, one_more, strict=True):
            wanted = len(out) // len(self.members) + int(more)
            times, rest = divmod(wanted, len(members))
            out[start : start + times * len(members)].reshape(times, len(members))[:] = members
            out[start + wanted - rest : start + wanted] = rng.permutation(members)[:rest]
            start += wanted
        rng.shuffle(out)
