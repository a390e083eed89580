import numpy as np
import pytest
from nnexp.plots.tiles import SIDE, displayed, tiles

from nnexp.plots import mistakes, weight_tiles
from nnexp.plots.run.misclassified import percent
from nnexp.plots.run.weights import first_layer
from nnexp.plots.style import save

CLASSES = ("T-shirt/top", "a name that is far too long for a tile", "$x$ and\n$y$")
rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    "shape", [(28, 28), (8, 8), (3, 32, 32), (1, 10, 10), (2, 9, 9), (224, 160), (2, 300)], ids=str
)
@pytest.mark.parametrize("n", [1, 7, 32])
def test_mistakes_of_any_number_and_shape_can_be_drawn(n, shape, tmp_path):
    images, true = rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 3, n)
    picture = mistakes(
        images, 1 / 255, true, (true + 1) % 3, rng.random(n).astype(np.float32), np.arange(n), CLASSES
    )
    save(picture, tmp_path / "mistakes.png")
    assert (tmp_path / "mistakes.png").stat().st_size > 1000


def test_grey_is_dark_on_white_and_three_channels_are_colours():
    grey = np.array([[[0.0, 8.0], [16.0, 4.0]]])
    np.testing.assert_array_equal(displayed(grey, 1 / 16)[0, ..., 0], [[255, 128], [0, 191]])
    colours = rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    np.testing.assert_array_equal(displayed(colours, 1 / 255), colours.transpose(0, 2, 3, 1))


def test_a_pixel_of_an_image_is_a_square_of_whole_pixels():
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, 0, 1] = 255, 0, 0
    painted = np.asarray(tiles(image, "title", ()))
    red = (painted == (255, 0, 0)).all(axis=2)
    assert red.sum() == (SIDE // 2) ** 2
    rows, columns = np.nonzero(red)
    assert np.ptp(rows) == np.ptp(columns) == SIDE // 2 - 1


def test_no_mistake_is_told_to_be_certain_unless_it_is():
    assert [percent(p) for p in (1.0, 0.99999, 0.9995, 0.99, 0.5)] == [
        "100%",
        ">99.9%",
        ">99.9%",
        "99.0%",
        "50.0%",
    ]


def test_the_first_layer_of_an_image_is_images():
    W, b = rng.standard_normal((28 * 28, 5)), np.zeros(5)
    images = first_layer({"1.W": W, "3.W": np.zeros((5, 10)), "1.b": b}, (28, 28))
    assert images.shape == (5, 1, 28, 28)
    np.testing.assert_array_equal(images[3, 0].ravel(), W[:, 3])
    kernels = rng.standard_normal((3, 5, 5, 6))
    np.testing.assert_array_equal(first_layer({"1.W": kernels}, (3, 32, 32))[2, 1], kernels[1, :, :, 2])


def test_a_table_and_an_unknown_layer_have_no_images():
    assert first_layer({"0.W": np.zeros((4, 5))}, (4,)) is None
    assert first_layer({"0.W": np.zeros((9, 5))}, (2, 2)) is None
    assert first_layer({"0.b": np.zeros(9)}, (2, 2)) is None


@pytest.mark.parametrize("shape", [(128, 1, 28, 28), (1, 1, 3, 3), (16, 3, 5, 5), (10, 2, 8, 8)], ids=str)
def test_up_to_64_units_are_drawn(shape, tmp_path):
    weights = rng.standard_normal(shape).astype(np.float32)
    weights[0] = 0
    save(weight_tiles(weights), tmp_path / "weights.png")
    assert (tmp_path / "weights.png").stat().st_size > 500
