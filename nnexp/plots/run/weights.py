"""The weights of a first layer that takes images, as an image for each unit.

I inputs, O outputs, C channels, H x W pixels, K x K kernels.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from math import prod

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from nnexp.plots.image_grid import RGB, ImageGrid, draw_grids
from nnexp.plots.run_data import Plot, RunData
from nnexp.plots.style import apply_colormap, evenly_spaced
from nnexp.run_folder import is_ensemble, weights_path

Weights = NDArray[np.floating]
MAX_UNITS = 64
MAX_COLOR = 0.95  # of the colour map, for the largest weight of a unit: its ends are nearly black


def plots(run: RunData) -> Iterator[Plot]:
    """Yield the weights of the first layer, if its inputs are images."""
    shape = tuple(run.dataset.get("shape", ()))
    if len(shape) > 1 and not is_ensemble(run.entries[0]):
        weights = run.folder.arrays(weights_path("best")) or run.folder.arrays(weights_path("final"))
        if (images := first_layer(weights, shape)) is not None:
            yield "weights/first_layer.png", partial(weight_images, images)


def first_layer(weights: Mapping[str, Weights], shape: tuple[int, ...]) -> Weights | None:
    """Return the weights of the first layer that has any, as images (O, C, H, W); None where they are none.

    `weights` are those of the network in forward order, `shape` that of an example, (H, W) or (C, H, W).
    """
    W = next((array for array in weights.values() if array.ndim >= 2), None)
    if W is None or len(shape) not in {2, 3}:
        return None
    if W.ndim == 4:  # a convolution: (C, K, K, O)
        return np.moveaxis(W, -1, 0)
    if W.ndim == 2 and len(W) == prod(shape):  # dense: (I, O)
        return W.T.reshape(-1, *(shape if len(shape) == 3 else (1, *shape)))
    return None


def weight_images(images: Weights) -> Image:
    """Draw images (O, C, H, W), up to 64 evenly spaced ones; three channels are RGB, others are averaged."""
    units = len(images)
    shown = np.nan_to_num(images[evenly_spaced(units, MAX_UNITS)].astype(np.float64), posinf=0, neginf=0)
    rgb = shown.shape[1] == RGB
    if not rgb:
        shown = shown.mean(axis=1, keepdims=True)
    largest = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
    relative = shown / np.where(largest > 0, largest, 1)
    if rgb:
        colors = (127.5 + 127.5 * relative).round().astype(np.uint8).transpose(0, 2, 3, 1)
        legend = "red, green, blue: weight per channel; grey: 0"
    else:
        colors = apply_colormap(0.5 - 0.5 * MAX_COLOR * relative[:, 0], "RdBu")
        legend = "red: positive, blue: negative, white: 0"
    number = f"{len(shown)} of {units}" if len(shown) < units else str(units)
    title = f"first layer: weights of {number} unit{'s' if units > 1 else ''}"
    return draw_grids(title, (legend, "each unit scaled by its largest weight"), ImageGrid(images=colors))
