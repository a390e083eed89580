import numpy as np
import pytest

from nnexp.plots.run.misclassified import misclassified, percent
from nnexp.plots.style import save

CLASSES = ("T-shirt/top", "a name that is far too long for a tile", "$x$ and\n$y$")
SHAPES = [(28, 28), (8, 8), (3, 32, 32), (1, 10, 10), (2, 9, 9), (224, 160), (2, 300)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("n", [1, 7, 32])
def test_images_of_any_number_and_shape_can_be_drawn(n, shape, tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"images": rng.integers(0, 256, (n, *shape), dtype=np.uint8), "scale": np.float64(1 / 255)}
    arrays |= {"true": np.arange(n) % 3, "predicted": (np.arange(n) + 1) % 3}
    save(
        misclassified(arrays | {"confidence": rng.random(n), "index": np.arange(n)}, CLASSES),
        tmp_path / "misclassified.png",
    )
    assert (tmp_path / "misclassified.png").stat().st_size > 1000


def test_a_confidence_is_100_percent_only_if_it_is_exactly_1():
    confidences = {1.0: "100%", 0.99999: ">99.9%", 0.9995: ">99.9%", 0.99: "99.0%", 0.5: "50.0%"}
    assert {confidence: percent(confidence) for confidence in confidences} == confidences
