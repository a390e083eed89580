"""Augmentation against SciPy and PyTorch in float64 to 1e-10."""

import numpy as np
import pytest
from scipy import ndimage

from nnexp.data.augmentation.augment import Affine, Distort, Elastic
from nnexp.data.augmentation.elastic import Displacement
from nnexp.data.augmentation.resampling import Bilinear, Canvas, inverse_maps

ORACLES = {
    "none": "the images themselves",
    "shift": "the shifted copies of the image, pixel by pixel",
    "flip": "numpy.flip",
    "crop_flip": "the mirrored and shifted copies of the image",
    "affine": "scipy.ndimage.map_coordinates, torch grid_sample",
    **dict.fromkeys(("elastic", "distort"), "scipy.ndimage.gaussian_filter and map_coordinates"),
}
SIZES = [(28, 28), (8, 8), (5, 9), (1, 4)]
GRID = "grid-constant"


def drawn(size, channels=2, n=20, spread=3.0, seed=0):
    """Images, and coordinates in and far outside of them, some of them exactly on pixels and edges."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, channels, *size))
    grid = np.indices(size)[:, None] + spread * rng.standard_normal((2, n, *size))
    grid[:, : n // 4] = np.round(grid[:, : n // 4])
    grid[:, n // 4 : n // 2] = np.round(2 * grid[:, n // 4 : n // 2]) / 2
    grid[:, -1] *= 1e6
    return x, grid


def warped(x, grid):
    canvas = Canvas(x.shape[1:], len(x) + 3, x.dtype)
    canvas.put(x.reshape(len(x), -1))
    out = np.empty((x.shape[1], len(x), x[0, 0].size))
    y, x_ = (axis.reshape(len(x), -1).copy() for axis in grid)
    Bilinear(canvas, len(x) + 3)(y, x_, out)
    return out.swapaxes(0, 1).reshape(x.shape)


@pytest.mark.parametrize(("spread", "mode"), [(0.3, GRID), (3.0, GRID), (3.0, "constant")])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bilinear_interpolation_is_scipys(size, spread, mode, compare):
    x, grid = drawn(size, spread=spread)
    if mode == "constant":  # differs outside of the image only
        grid = np.clip(grid, 0, np.array(size)[:, None, None, None] - 1)
    actual = warped(x, grid)
    for b, c in np.ndindex(*x.shape[:2]):
        compare(actual[b, c], ndimage.map_coordinates(x[b, c], grid[:, b], order=1, mode=mode))


@pytest.mark.parametrize("size", [size for size in SIZES if min(size) > 1], ids=str)
def test_bilinear_interpolation_is_pytorchs(size, compare):
    torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
    x, grid = drawn(size)
    from_minus_1_to_1 = [2 * axis / (length - 1) - 1 for axis, length in zip(grid, size, strict=True)]
    points = torch.from_numpy(np.stack(from_minus_1_to_1[::-1], axis=-1))
    sample = torch.nn.functional.grid_sample  # bilinear, and zeros outside, by default
    compare(warped(x, grid), sample(torch.from_numpy(x), points, align_corners=True))


@pytest.mark.parametrize("sigma", [0.1, 1.0, 4.0, 5.5, 20.0])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_smoothing_is_scipys(size, sigma, compare):
    alpha, fields = 34.0, 6
    displacement = Displacement(size, fields + 2, np.float64, alpha, sigma)
    u = np.random.default_rng(0).uniform(-1, 1, (fields, *size))
    actual = displacement.smooth(np.ascontiguousarray(u.transpose(2, 0, 1)) / 2)
    for field, theirs in zip(actual, u, strict=True):
        compare(field, alpha * ndimage.gaussian_filter(theirs, sigma, mode="constant", cval=0.0))


def test_a_displacement_field_is_smoothed_uniform_noise(compare):
    displacement = Displacement((28, 20), 10, np.float64, 34.0, 4.0)
    actual = displacement(10, np.random.default_rng(3)).reshape(10, 28, 20)
    u = 2 * np.random.default_rng(3).random((20, 10, 28)) - 1
    for i in range(10):
        compare(actual[i], 34 * ndimage.gaussian_filter(u[:, i].T, 4.0, mode="constant"))


def composed(turn, shear, grow):
    """Rotation * shear * scaling of (row, column), one factor after the other."""
    rotation = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return np.array(rotation) @ [[1, 0], [np.tan(shear), 1]] @ np.diag(grow)


def test_affine_maps_are_the_inverses_of_rotation_times_shear_times_scaling(compare):
    rng = np.random.default_rng(0)
    turn, shear = rng.uniform(-1, 1, (2, 30))
    grow, move = rng.uniform(0.5, 1.5, (2, 30)), rng.uniform(-3, 3, (2, 30))
    center = np.array([[4.5], [7.0]])
    actual = inverse_maps(turn, shear, grow, move, center)
    for i in range(30):
        inverse = np.linalg.inv(composed(turn[i], shear[i], grow[:, i]))
        compare(actual[:, i, :2], inverse)
        compare(actual[:, i, 2], center[:, 0] - inverse @ move[:, i])


def test_a_rotation_by_90_degrees_keeps_the_center_and_is_exact(compare):
    x, _ = drawn((9, 9), n=1)
    turn, one, center = np.array([np.pi / 2]), np.ones((2, 1)), np.full((2, 1), 4.0)
    quarter = inverse_maps(turn, np.zeros(1), one, 0 * one, center)
    points = np.concatenate([np.indices((9, 9)).reshape(2, -1) - 4.0, np.ones((1, 81))])
    grid = (quarter @ points)[:, 0].reshape(2, 1, 9, 9)
    compare(warped(x, grid), np.rot90(x, axes=(2, 3)))


@pytest.mark.parametrize(
    "augment",
    [
        Affine(rotate=20.0, scale=0.3, shear=10.0, shift=2.5),
        Elastic(),
        Distort(rotate=10.0, scale=0.2, shear=5.0, shift=1.0),
    ],
    ids=lambda augment: type(augment).__name__,
)
def test_augmented_images_equal_scipys_for_the_same_random_numbers(augment, compare):
    height, width, n = 12, 10, 8
    augment.bind((height, width), n, np.float64, np.random.default_rng(0))
    x = np.random.default_rng(1).random((n, height, width))
    actual = x.reshape(n, -1).copy()
    augment(actual)
    twin = np.random.default_rng(0)
    twin.random((n, 1))  # which images are changed
    u, noise = twin.uniform(-1, 1, (6, n)), twin.random((width, 2 * n, height))
    center = (np.array([height, width]) - 1)[:, None] / 2
    for i in range(n):
        turn, shear = np.radians([augment.rotate, augment.shear]) * u[:2, i]
        matrix = composed(turn, shear, 1 + augment.scale * u[2:4, i])
        points = np.indices((height, width)).reshape(2, -1) - center - augment.shift * u[4:, i, None]
        grid = (np.linalg.solve(matrix, points) + center).reshape(2, height, width)
        fields = 2 * np.stack([noise[:, i].T, noise[:, n + i].T]) - 1
        sigma = (0, augment.sigma, augment.sigma)
        grid += augment.alpha * ndimage.gaussian_filter(fields, sigma, mode="constant")
        expected = ndimage.map_coordinates(x[i], grid, order=1, mode=GRID)
        compare(actual[i].reshape(height, width), expected)
