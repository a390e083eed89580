import numpy as np
import pytest

from nnexp.plots.run.misclassified import misclassified
from nnexp.plots.style import save

CLASSES = ("T-shirt/top", "a name that is far too long for a tile", "$x$ and\n$y$")


@pytest.mark.parametrize(
    ("n", "shape"),
    [(1, (28, 28)), (7, (3, 32, 32)), (32, (2, 9, 9)), (8, (224, 160)), (2, (2, 300))],
    ids=str,
)
def test_images_of_any_number_and_shape_can_be_drawn(n, shape, tmp_path):
    rng, index = np.random.default_rng(0), np.arange(n)
    arrays = {"images": rng.integers(0, 256, (n, *shape), dtype=np.uint8), "scale": np.float64(1 / 255)}
    arrays |= {"true": index % 3, "predicted": (index + 1) % 3, "confidence": rng.random(n), "index": index}
    save(misclassified(arrays, CLASSES), tmp_path / "misclassified.png")
    assert (tmp_path / "misclassified.png").stat().st_size > 1000
