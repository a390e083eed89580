"""Confusion matrices: of a split, of an epoch, and their difference from a baseline's.

C classes.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.plots.matrix_image import MatrixImage
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import TEXT, apply_colormap
from nnexp.run_folder import BASELINE

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SCALE = 0.01  # of shares: smaller differences do not get the full colour


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the confusion matrix of each split, and its difference from a baseline of the same classes."""
    baseline = run.folder.json(BASELINE)
    for split in run.splits:
        report, other = split.report, baseline.get(split.key)
        if "matrix" not in report:
            continue
        classes = report["classes"]
        yield f"confusion/{split.key}.png", partial(draw_confusion, report["matrix"], classes, split.name)
        if other and other["classes"] == classes:
            matrices = report["matrix"], other["matrix"]
            draw = partial(draw_difference, *matrices, classes, split.name, baseline["name"])
            yield f"confusion/difference-{split.key}.png", draw


def epoch_confusion(matrix: ArrayLike, classes: Sequence[str], step: int, unit: str = "epoch") -> "Image":
    """Draw the confusion matrix of the validation split after an epoch (or step); all have the same size."""
    return draw_confusion(matrix, classes, f"{unit} {step}: validation")


def draw_confusion(matrix: ArrayLike, classes: Sequence[str], split: str) -> "Image":
    """Draw a confusion matrix (C, C)."""
    return confusion(np.array(matrix), classes, split).draw()


def draw_difference(
    matrix: ArrayLike, baseline: ArrayLike, classes: Sequence[str], split: str, baseline_name: str
) -> "Image":
    """Draw the difference of a confusion matrix from a baseline's, both (C, C)."""
    return difference(np.array(matrix), np.array(baseline), classes, split, baseline_name).draw()


def confusion(matrix: NDArray[np.int64], classes: Sequence[str], split: str) -> MatrixImage:
    """Lay out a confusion matrix: counts, coloured by the square root of the share of the true class: 1 % is visible.

    Args:
        matrix: (C, C).
        classes: their names.
        split: for the title.
    """
    share, support = shares(matrix), matrix.sum(axis=1)
    correct, total = int(np.trace(matrix)), int(matrix.sum())
    recall = np.diag(share)
    return MatrixImage(
        title=f"{split} accuracy {correct / max(1, total):.2%}",
        notes=(f"{total - correct:,} of {total:,} misclassified; colour: share of the true class",),
        names=classes,
        colors=apply_colormap(np.sqrt(share) * 0.95, "Blues"),
        texts=np.array([[f"{count:,}" if count else "" for count in row] for row in matrix.tolist()]),
        row_texts=[f"{value:.1%}" if n else "none" for value, n in zip(recall, support, strict=True)],
        heading="recall",
    )


def difference(
    matrix: NDArray[np.int64],
    baseline: NDArray[np.int64],
    classes: Sequence[str],
    split: str,
    baseline_name: str,
) -> MatrixImage:
    """Lay out the difference of two confusion matrices: better is blue, worse is red.

    More is better on the diagonal and worse off it. Texts are numbers of examples; where the two have different numbers
    of examples of a class, they are percentage points of the true class.

    Args:
        matrix: (C, C).
        baseline: (C, C), of the same classes.
        classes: their names.
        split: for the title.
        baseline_name: of the run that the baseline is of.
    """
    change = shares(matrix) - shares(baseline)
    same_support = np.array_equal(matrix.sum(axis=1), baseline.sum(axis=1))
    values, spec = (matrix - baseline, ",") if same_support else (100 * change, ".1f")
    better = np.where(np.eye(len(matrix), dtype=bool), change, -change)
    strength = np.sqrt(np.abs(better) / max(MIN_SCALE, float(np.abs(better).max())))
    points = 100 * (accuracy_of(matrix) - accuracy_of(baseline))
    unit = "examples" if same_support else "percentage points"
    return MatrixImage(
        title=f"{split} accuracy {accuracy_of(matrix):.2%}: {signed(points, '.2f') or '±0'} points",
        notes=(f"compared with {baseline_name}", f"blue: better, red: worse; numbers: {unit} more or fewer"),
        names=classes,
        colors=apply_colormap(0.5 + 0.45 * np.sign(better) * strength, "RdBu"),
        texts=np.array([[signed(value, spec) for value in row] for row in values]),
        row_texts=[signed(100 * value, ".1f") for value in np.diag(change)],
        heading="recall",
        text_color=TEXT,
    )


def accuracy_of(matrix: NDArray[np.int64]) -> float:
    """Compute the accuracy."""
    return float(np.trace(matrix) / max(1, matrix.sum()))


def shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide by the number of examples of each true class; rows add up to 1, or to 0 where there is none."""
    return np.asarray(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))


def signed(value: float, spec: str) -> str:
    """Format a number with its sign; empty where it is 0."""
    text = f"{abs(value):{spec}}"
    if not text.strip("0.,"):
        return ""
    return f"{'+' if value > 0 else '−'}{text}"
