"""Confusion matrices (C, C) of a split, of an epoch, and their difference from a baseline's."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL.Image import Image

from nnexp.messages import percent
from nnexp.plots.matrix_image import MatrixImage
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import TEXT, apply_colormap
from nnexp.plots.text import numbered, numbering_note
from nnexp.run_folder import BASELINE

MIN_SCALE = 0.01  # of shares: smaller differences do not get the full colour


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the confusion matrix of each split, and its difference from a baseline of the same classes."""
    baseline = run.folder.json(BASELINE)
    for split in run.splits:
        if "matrix" in split.report:
            matrix = split.report["matrix"]
            classes = split.report["classes"]
            other = baseline.get(split.key)
            yield f"confusion/{split.key}.png", partial(draw, confusion, matrix, classes, split.name)
            if other and other["classes"] == classes:
                args = matrix, other["matrix"], classes, split.name, baseline["name"]
                yield f"confusion/difference-{split.key}.png", partial(draw, difference, *args)


def draw(layout: Callable[..., MatrixImage], *args: Any) -> Image:
    """Draw a matrix that `layout` makes of the arguments."""
    return layout(*args).draw()


def epoch_confusion(matrix: ArrayLike, classes: Sequence[str], step: int, unit: str = "epoch") -> Image:
    """Draw the confusion matrix of the validation split after an epoch (or step); all have the same size."""
    return draw(confusion, matrix, classes, f"{unit} {step}: validation")


def confusion(counts: ArrayLike, classes: Sequence[str], split: str) -> MatrixImage:
    """Lay out a confusion matrix, coloured by the root of the share of the true class: 1 % is visible."""
    matrix = np.array(counts)
    share = shares(matrix)
    support = matrix.sum(axis=1)
    total = int(matrix.sum())
    recall = [percent(value) if n else "none" for value, n in zip(np.diag(share), support, strict=True)]
    errors = f"{total - int(np.trace(matrix)):,} of {total:,} misclassified"
    return MatrixImage(
        title=f"{split} accuracy {percent(accuracy_of(matrix), 2)}",
        notes=(f"{errors}; colour: share of the true class", *numbering_note(classes)),
        names=numbered(classes, "class"),
        colors=apply_colormap(np.sqrt(share) * 0.95, "Blues"),
        texts=np.array([[f"{count:,}" if count else "" for count in row] for row in matrix.tolist()]),
        row_texts=recall,
        heading="recall",
    )


def difference(
    counts: ArrayLike, baseline_counts: ArrayLike, classes: Sequence[str], split: str, baseline_name: str
) -> MatrixImage:
    """Lay out the difference of two confusion matrices: better is blue, worse is red.

    More is better on the diagonal and worse off it. Texts are numbers of examples, or percentage points of
    the true class where its support differs.
    """
    matrix, baseline = np.array(counts), np.array(baseline_counts)
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
        names=numbered(classes, "class"),
        colors=apply_colormap(0.5 + 0.45 * np.sign(better) * strength, "RdBu"),
        texts=np.array([[signed(value, spec) for value in row] for row in values]),
        row_texts=[
            signed(100 * value, ".1f") if n else "none"
            for value, n in zip(
                np.diag(change), np.minimum(matrix.sum(axis=1), baseline.sum(axis=1)), strict=True
            )
        ],
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
