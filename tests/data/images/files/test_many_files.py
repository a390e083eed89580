"""Two thousand files of mixed sizes and modes: a run trains on them, predicts and is served."""

from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image

from nnexp import load, predict
from nnexp.preprocessing.images.pixels import read_pixels

COLORS = [(220, 40, 40), (40, 200, 60), (50, 60, 220), (220, 200, 40), (200, 60, 200)]
MODES = ("L", "RGB", "RGBA", "P", "I;16")


def draw(i, rng):
    """Draw one of five shapes on noise."""
    width, height = rng.integers(20, 120, 2)
    pixels = rng.integers(0, 60, (height, width, 3)).astype(np.uint8)
    y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    shapes = (
        abs(x) < 0.15,
        abs(y) < 0.15,
        x**2 + y**2 < 0.1,
        abs(x - y) < 0.15,
        (abs(x) > 0.3) | (abs(y) > 0.3),
    )
    pixels[shapes[i % 5]] = COLORS[i % 5]
    image, mode = Image.fromarray(pixels), MODES[rng.integers(5)]
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert(mode)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_two_thousand_files_train_predict_and_serve(alone, store, nnexp):
    rng = np.random.default_rng(0)
    for i in range(2000):
        path = Path(f"shapes/class{i % 5}/{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(i, rng).save(path)
    broken = Path("shapes/class1/broken.png")
    broken.write_bytes(Path("shapes/class1/1.png").read_bytes()[:200])
    mlflow.set_tracking_uri(f"sqlite:///{store}")
    shown = nnexp("data=images", "data.path=shapes", "model=cnn", "trainer.epochs=3").stdout
    assert "skipped: 1 of 2,001 files" in shown
    assert "class1/broken.png" in shown
    predicted = nnexp("predict", "last", "shapes").stdout
    assert "shapes: 2,000 rows" in predicted
    assert "not read: shapes/class1/broken.png" in predicted
    paths = [Path(f"shapes/class{i}/{i}.png") for i in range(5)]
    images = np.stack([read_pixels(path, (3, 32, 32), "stretch")[0] for path in paths])
    model = mlflow.pyfunc.load_model(f"runs:/{load('last').run.id}/model")
    assert list(model.predict(images)["prediction"]) == list(
        predict("last", "shapes")["prediction"][:2000:400]
    )
