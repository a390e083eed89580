"""Standardize the channels of images by statistics of the training images.

N images, C channels, I = C*H*W numbers each.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.preprocessing.scaling import Array, Rows, Statistics

CHUNK = 256  # images that are converted to float64 at a time


@dataclass(frozen=True)
class ChannelScaling(Statistics):
    """Scale stored pixels to [0, 1], then standardize each channel: z = (scale x - mean) / deviation.

    As `ToTensor` and `Normalize` of torchvision.
    """

    scale: NDArray[Any]  # () of stored pixels
    mean: NDArray[Any]  # (C,) of the scaled pixels of all training images
    deviation: NDArray[Any]  # (C,) 1 where a channel is constant

    @classmethod
    def fit(cls, x: NDArray[Any], rows: Rows, channels: int, scale: float) -> Self:
        """Compute mean and population deviation of each channel of stored images x (N, I) over `rows`."""
        count, total, squares = 0, np.zeros(channels), np.zeros(channels)
        for start in range(0, len(rows), CHUNK):
            pixels = (
                x[rows[start : start + CHUNK]]
                .astype(np.float64)
                .reshape(-1, channels, x.shape[1] // channels)
            )
            total += pixels.sum(axis=(0, 2))
            squares += np.einsum("ncp,ncp->c", pixels, pixels)
            count += pixels.size // channels
        mean = total / max(count, 1)
        deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
        return cls(np.array(scale), scale * mean, np.where(deviation > 0, scale * deviation, 1.0))

    def astype(self, dtype: DTypeLike) -> "ChannelScaling":
        """Convert to the type of the images that are standardized."""
        return ChannelScaling(self.scale, self.mean.astype(dtype), self.deviation.astype(dtype))

    def __call__(self, x: Array) -> None:
        """Standardize scaled images x (N, I), of the type of mean and deviation, in place."""
        pixels = x.reshape(len(x), len(self.mean), -1)
        pixels -= self.mean[:, None]
        pixels /= self.deviation[:, None]


def pixel_scale(scale: float | ChannelScaling) -> float:
    """Return the factor from stored pixels to [0, 1]."""
    return float(scale.scale) if isinstance(scale, ChannelScaling) else scale
