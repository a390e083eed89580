"""What the units of a first layer look for: their incoming weights as images.

I inputs, O outputs, C channels, H x W pixels, K x K kernels.
"""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.plots.run.confusion import coloured
from nnexp.plots.tiles import COLOURS, tiles

if TYPE_CHECKING:
    from PIL.Image import Image

Weights = NDArray[np.floating]
MOST = 64
FULL = 0.95  # of the colour scale, for the largest weight of a tile: its ends are nearly black


def first_layer(weights: Mapping[str, Weights], shape: tuple[int, ...]) -> Weights | None:
    """The weights of the first layer that has any, as an image (O, C, H, W) for each output; None where they are none.

    Args:
        weights: of the whole network by name, in forward order.
        shape: of an example, (H, W) or (C, H, W).
    """
    W = next((array for array in weights.values() if array.ndim >= 2), None)
    if W is None or len(shape) not in {2, 3}:
        return None
    channels, height, width = shape if len(shape) == 3 else (1, *shape)
    if W.ndim == 4:  # a convolution: (C, K, K, O)
        return np.moveaxis(W, -1, 0)
    if W.ndim == 2 and len(W) == prod(shape):  # dense: (I, O)
        return W.T.reshape(-1, channels, height, width)
    return None


def weight_tiles(images: Weights) -> "Image":
    """An image for each unit, up to 64 of them spread evenly; each on a scale of its own around 0.

    Args:
        images: (O, C, H, W). Three channels are shown as colours, of other numbers the mean.
    """
    units = len(images)
    shown = np.nan_to_num(
        images[np.linspace(0, units - 1, min(units, MOST)).round().astype(int)].astype(np.float64),
        posinf=0,
        neginf=0,
    )
    some = f"{len(shown)} of {units}" if len(shown) < units else f"all {units}" if units > 1 else "its only"
    title = f"first layer: weights of {some} unit{'s' if units > 1 else ''}"
    colours = shown.shape[1] == COLOURS
    if not colours:
        shown = shown.mean(axis=1, keepdims=True)
    largest = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
    relative = shown / np.where(largest > 0, largest, 1)
    if colours:
        painted = (127.5 + 127.5 * relative).round().astype(np.uint8).transpose(0, 2, 3, 1)
        notes = ("grey: 0; a colour: what the unit likes to see there", "each tile has a scale of its own")
    else:
        painted = coloured(0.5 - 0.5 * FULL * relative[:, 0], "RdBu")
        notes = ("red: positive, blue: negative, white: 0", "each tile has a scale of its own")
    return tiles(np.ascontiguousarray(painted), title, notes)
