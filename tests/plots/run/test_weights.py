import numpy as np
import pytest

from nnexp.plots.run.weights import first_layer, weight_images
from nnexp.plots.style import save

RNG = np.random.default_rng(0)


def test_the_first_layer_of_an_image_is_images():
    W, b = RNG.standard_normal((28 * 28, 5)), np.zeros(5)
    images = first_layer({"1.W": W, "3.W": np.zeros((5, 10)), "1.b": b}, (28, 28))
    assert images.shape == (5, 1, 28, 28)
    np.testing.assert_array_equal(images[3, 0].ravel(), W[:, 3])
    kernels = RNG.standard_normal((3, 5, 5, 6))
    np.testing.assert_array_equal(first_layer({"1.W": kernels}, (3, 32, 32))[2, 1], kernels[1, :, :, 2])


@pytest.mark.parametrize(
    ("weights", "shape"),
    [({"0.W": np.zeros((4, 5))}, (4,)), ({"0.W": np.zeros((9, 5))}, (2, 2)), ({"0.b": np.zeros(9)}, (2, 2))],
)
def test_a_table_and_an_unknown_layer_have_no_images(weights, shape):
    assert first_layer(weights, shape) is None


@pytest.mark.parametrize("shape", [(128, 1, 28, 28), (1, 1, 3, 3), (16, 3, 5, 5), (10, 2, 8, 8)], ids=str)
def test_up_to_64_units_are_drawn(shape, tmp_path):
    weights = RNG.standard_normal(shape).astype(np.float32)
    weights[0] = 0
    save(weight_images(weights), tmp_path / "weights.png")
    assert (tmp_path / "weights.png").stat().st_size > 500
