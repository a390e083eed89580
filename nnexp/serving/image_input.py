"""Image files as examples: drawings bright on black, at the size and position of the training images.

H x W pixels, C channels.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats, bounding_box, centres_of_mass

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
BLANK = 0.1  # an image with less contrast is blank
HAMMING = 5  # PIL.Image.Resampling.HAMMING, without the import
ARTIFACTS = 0.2  # JPEG leaves up to this share of the foreground's brightness beside a stroke
Floats = NDArray[np.float32]
Notes = tuple[str, ...]


def read_image(path: Path, shape: tuple[int, ...], drawings: DrawingStats | None) -> tuple[Floats, Notes]:
    """Read pixels in [0, 1] of a shape, (H, W) or (C, H, W) with C of 1 or 3; also returns what was done.

    Without `drawings`, the size and position of the training drawings, an image is only resized.

    Raises:
        PredictorError: it is no image, it is blank, or the network takes none.
    """
    if len(shape) < 2 or (len(shape) == 3 and shape[0] not in (1, 3)):
        raise PredictorError(f"{path}: the network takes no images but examples of the shape {shape}")
    image, (height, width) = _open(path), shape[-2:]
    if len(shape) == 3 and shape[0] == 3:
        rgb = np.asarray(image.convert("RGB").resize((width, height), HAMMING), np.float32)  # (H, W, 3)
        return rgb.transpose(2, 0, 1) / np.float32(255), ("resized",)
    grey = _pixels(image)
    if drawings is None:
        return np.clip(_resize(grey, height, width), 0, 1).reshape(shape), ("resized",)
    background = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))  # of the border
    inverted = background > 0.5
    foreground = np.clip(background - grey if inverted else grey - background, 0, 1)
    if foreground.max() < BLANK:
        raise PredictorError(f"{path}: the image is blank; --as-is takes it as it is")
    notes = ("light background: inverted", "centred") if inverted else ("centred",)
    return _centred(foreground / foreground.max(), height, drawings).reshape(shape), notes


def _open(path: Path) -> "Image":
    """Open an image upright, on white where it is transparent."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except (OSError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError) as error:
        raise PredictorError(f"{path}: cannot be read as an image: {error}") from error
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image


def _pixels(image: "Image") -> Floats:
    """Return brightness (H, W) in [0, 1]."""
    if image.mode.startswith("I"):  # 16 bits
        return np.asarray(image, np.float32) / np.float32(65535)
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def _centred(drawing: Floats, side: int, drawings: DrawingStats) -> Floats:
    """Crop a drawing, resize it, and place its centre of mass in side x side; nothing of it is cut."""
    crop = drawing[bounding_box(drawing, ARTIFACTS)]
    factor = drawings.size / max(crop.shape)
    height, width = (max(1, round(length * factor)) for length in crop.shape)
    small = np.clip(_resize(crop, height, width), 0, 1)
    small /= small.max()
    offsets = np.round(drawings.centre - centres_of_mass(small[None])[0]).astype(int)
    top, left = np.clip(offsets, 0, [side - height, side - width])
    frame = np.zeros((side, side), np.float32)
    frame[top : top + height, left : left + width] = small
    return frame


def _resize(pixels: Floats, height: int, width: int) -> Floats:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), HAMMING))


def as_stored(pixels: Floats, scale: float, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Convert pixels in [0, 1] to the data set's numbers, of that dtype, from 0 to 1 / scale."""
    values = pixels * (1 / scale)
    return values.round().astype(dtype) if dtype.kind in "iu" else values.astype(dtype)
