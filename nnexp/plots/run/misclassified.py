"""The mistakes that a network is most sure of: the images, what it says, and what they are.

K images.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.style import FAINT, TEXT, WRONG
from nnexp.plots.tiles import displayed, tiles

if TYPE_CHECKING:
    from PIL.Image import Image

MOST = 32


def mistakes(
    images: NDArray[Any],
    scale: float,
    true: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidence: NDArray[np.floating],
    index: NDArray[np.int64],
    classes: Sequence[str],
) -> "Image":
    """Images with what the network takes them for, how sure it is, and what they are.

    Args:
        images: as stored, (K, H, W) or (K, C, H, W), the worst first.
        scale: brings them to [0, 1].
        true: classes, (K,).
        predicted: (K,).
        confidence: probabilities of the predicted class, (K,).
        index: rows in the test part, (K,).
        classes: their names.
    """
    shown = min(len(images), MOST)
    captions = [
        ((f"{percent(p)} {classes[said]}", WRONG), (f"is {classes[is_]}", TEXT), (f"row {row:,}", FAINT))
        for p, said, is_, row in zip(confidence, predicted, true, index, strict=True)
    ]
    title = (
        f"test: the {shown} surest mistakes"
        if shown == MOST
        else "test: the only mistake"
        if shown == 1
        else f"test: all {shown} mistakes"
    )
    notes = ("red: what the network says, and how sure it is; below: what it is",)
    return tiles(displayed(images[:MOST], scale), title, notes, captions[:MOST])


def percent(p: float) -> str:
    """A probability; never 100 % unless it is."""
    return "100%" if p >= 1 else ">99.9%" if p >= 0.9995 else f"{p:.1%}"
