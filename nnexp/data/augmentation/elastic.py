"""Elastic displacement fields: smooth random moves of every pixel of images, H x W."""

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nnexp.data.augmentation.resampling import Array

TRUNCATE = 4.0  # deviations at which the Gaussian is cut off: SciPy's default


class Displacement:
    """Elastic displacement fields: Simard, Steinkraus & Platt 2003, section 2.

    d = alpha * (g * u): u is uniform in (-1, 1), drawn for every pixel and both directions, g is a Gaussian
    of `sigma` pixels, cut off after 4 sigma, with sum 1, * is convolution with zeros outside of the image:
    alpha * scipy.ndimage.gaussian_filter(u, sigma, mode="constant"). Of u's deviation 1/sqrt(3) the factor
    1/(2 sqrt(pi) sigma) remains: the published alpha = 34, sigma = 4 move a pixel by about 1.4 pixels in each
    direction.

    Convolution along one axis is a product with a matrix. With random numbers as (W, fields, H), two products
    of matrices with very many rows do both axes and leave (fields, H, W): nothing is transposed in memory.
    """

    def __init__(
        self, size: tuple[int, ...], fields: int, dtype: DTypeLike, alpha: float, sigma: float
    ) -> None:
        self.height, self.width = size
        self.noise, self.half, self.fields = np.empty((3, self.height * self.width * fields), dtype)
        self.down = (2 * alpha * gaussian(self.height, sigma)).astype(dtype)  # noise in (-1/2, 1/2) is u / 2
        self.across = gaussian(self.width, sigma).astype(dtype)

    def __call__(self, fields: int, rng: np.random.Generator) -> Array:
        """Draw new fields (fields, H*W) in pixels, valid until the next call."""
        noise = self.noise[: self.height * self.width * fields].reshape(self.width, fields, self.height)
        rng.random(out=noise, dtype=noise.dtype)
        noise -= 0.5
        return self.smooth(noise).reshape(fields, -1)

    def smooth(self, noise: Array) -> Array:
        """Compute 2 alpha * (g * noise), from (W, fields, H) to (fields, H, W)."""
        count = noise.shape[1]
        half, fields = self.half[: noise.size], self.fields[: noise.size]
        np.matmul(noise.reshape(-1, self.height), self.down, out=half.reshape(-1, self.height))
        np.matmul(half.reshape(self.width, -1).T, self.across, out=fields.reshape(-1, self.width))
        return fields.reshape(count, self.height, self.width)


def gaussian(length: int, sigma: float) -> NDArray[np.float64]:
    """Return the matrix (length, length) of a convolution with a Gaussian, with zeros outside."""
    radius = int(TRUNCATE * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    distance = np.abs(np.arange(length)[:, None] - np.arange(length))
    inside = weights[radius + np.minimum(distance, radius)] / weights.sum()
    return np.where(distance <= radius, inside, 0.0)
