"""Any content of an image file is pixels in [0, 1] of the network's shape, or an error."""

import io
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from nnexp.preprocessing.errors import ImageFileError
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats
from nnexp.serving.image_input import read_image

FOLDER = tempfile.TemporaryDirectory()
DRAWINGS = DrawingStats(20, (14.0, 14.0))
PIXELS = np.zeros((16, 12), np.uint8)
PIXELS[3:9, 4:9] = 200


def _encoded(kind: str, mode: str = "L", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(file, kind, **options)
    return file.getvalue()


SEEDS = [_encoded("PNG", mode) for mode in ("L", "LA", "RGB", "RGBA", "P", "1", "I;16")]
SEEDS += [_encoded(kind) for kind in ("JPEG", "GIF", "BMP", "WEBP")]
SEEDS += [_encoded("JPEG", "CMYK"), _encoded("GIF", save_all=True, append_images=[Image.new("L", (12, 16))])]


def check(content: bytes) -> None:
    path = Path(FOLDER.name) / "file.png"
    path.write_bytes(content)
    for shape, drawings in (((28, 28), DRAWINGS), ((28, 28), None), ((3, 28, 28), None)):
        with suppress(PredictorError, ImageFileError), np.errstate(all="raise"):
            pixels, _ = read_image(path, shape, drawings)
            assert pixels.shape == shape
            assert 0 <= pixels.min() <= pixels.max() <= 1
