"""Confusion matrices: of a part of the data, of an epoch, and how they differ from a baseline's.

C classes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.matrix_image import Grid
from nnexp.plots.style import TEXT

if TYPE_CHECKING:
    from PIL.Image import Image

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]
SCALES = {
    "Blues": "f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b",
    "RdBu": "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061",
}
"""Colours from 0 to 1 (ColorBrewer 2.0); written out, so that the process that sends need not import matplotlib for them."""
LEAST_DIFFERENCE = 0.01  # of shares, that has the full colour: smaller ones are not blown up


def confusion(report: dict[str, Any], part: str) -> Grid:
    """A confusion matrix to be read at a glance: numbers are counts, the title is the accuracy.

    Colour is the share of the true class, on a scale of roots: 1 % is seen, too.

    Args:
        report: "matrix" (C, C), "classes", "accuracy".
        part: of the data, for the title.
    """
    matrix = np.array(report["matrix"])
    return counted(matrix, report["classes"], f"{part} accuracy {report['accuracy']:.2%}")


def epoch_confusion(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], step: int, unit: str = "epoch"
) -> "Image":
    """The confusion matrix of the validation examples at one epoch; of the same size at all of them.

    Args:
        matrix: (C, C).
        classes: their names.
        step: the epoch.
        unit: what is counted.
    """
    counts = np.array(matrix)
    accuracy = np.trace(counts) / max(1, counts.sum())
    return counted(counts, classes, f"{unit} {step}: validation accuracy {accuracy:.2%}").paint()


def difference(report: dict[str, Any], baseline: dict[str, Any], name: str, part: str) -> Grid:
    """What became better (blue) and worse (red) than in another run.

    More is better on the diagonal and worse beside it. Numbers are examples more or fewer; where the two runs saw different
    numbers of a class, they are points: hundredths of the true class.

    Args:
        report: of this run.
        baseline: of the other; its classes have the same names.
        name: of the other run.
        part: of the data, for the title.
    """
    matrix, other = np.array(report["matrix"]), np.array(baseline["matrix"])
    change = shares(matrix) - shares(other)
    same = bool((matrix.sum(axis=1) == other.sum(axis=1)).all())
    moved = matrix - other if same else 100 * change
    texts = np.array([[signed(value, "," if same else ".1f") for value in row] for row in moved])
    better = np.where(np.eye(len(matrix), dtype=bool), change, -change)
    strength = np.sqrt(np.abs(better) / max(LEAST_DIFFERENCE, float(np.abs(better).max())))
    points = 100 * (report["accuracy"] - baseline["accuracy"])
    return Grid(
        title=f"{part} accuracy {report['accuracy']:.2%}: {signed(points, '.2f') or '±0'} points",
        notes=(
            f"against {name}",
            f"blue: better, red: worse; numbers: {'examples' if same else 'points'} more or fewer",
        ),
        names=report["classes"],
        colours=coloured(0.5 + 0.45 * np.sign(better) * strength, "RdBu"),
        texts=texts,
        side=[signed(100 * value, ".1f") for value in np.diag(change)],
        heading="recall",
        beside=TEXT,
    )


def counted(matrix: Counts, classes: Sequence[str], title: str) -> Grid:
    """Counts on the colours of their shares, the recall of each class beside them."""
    share = shares(matrix)
    wrong = int(matrix.sum() - np.trace(matrix))
    return Grid(
        title=title,
        notes=(f"{wrong:,} of {matrix.sum():,} wrong; colour: share of the true class",),
        names=classes,
        colours=coloured(np.sqrt(share) * 0.95, "Blues"),
        texts=np.array([[f"{count:,}" if count else "" for count in row] for row in matrix.tolist()]),
        side=[
            f"{value:.1%}" if seen else "none"
            for value, seen in zip(np.diag(share), matrix.sum(axis=1), strict=True)
        ],
        heading="recall",
    )


def shares(matrix: Counts) -> Shares:
    """Of each true class, (C, C); rows add up to 1, or to 0 where there is no example."""
    return np.asarray(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))


def signed(value: float, form: str) -> str:
    """A number with its sign; nothing where it is nothing."""
    text = f"{abs(value):{form}}"
    if not text.strip("0.,"):
        return ""
    return f"{'+' if value > 0 else '−'}{text}"


def coloured(values: Shares, name: str) -> NDArray[np.uint8]:
    """Numbers in [0, 1] as colours, (..., 3) uint8; what the scale calls nothing is white."""
    stops = np.array([list(bytes.fromhex(colour)) for colour in SCALES[name].split()])
    places = np.linspace(0, 1, len(stops))
    colours = (
        np.stack([np.interp(values, places, channel) for channel in stops.T], axis=-1)
        .round()
        .astype(np.uint8)
    )
    colours[values == (0.5 if name == "RdBu" else 0)] = 255
    return colours
