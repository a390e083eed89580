"""Image files as examples: drawings bright on black, at the size and position of the training images.

H x W pixels, C channels.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.images.image_file import open_image
from nnexp.preprocessing.images.pixels import Bytes, Resize, read_pixels
from nnexp.serving.errors import BlankImageError, PredictorError
from nnexp.serving.foreground import DrawingStats, bounding_box, centres_of_mass

if TYPE_CHECKING:
    from PIL.Image import Image

BLANK = 0.1  # an image with less contrast is blank
HAMMING = 5  # PIL.Image.Resampling.HAMMING, without the import
LARGE, REDUCTION = 1 << 24, 4  # pixels, from which on images are reduced: floats take much memory
ARTIFACTS = 0.2  # JPEG leaves up to this share of the foreground's brightness beside a stroke
Floats = NDArray[np.float32]
Notes = tuple[str, ...]


def read_image(path: Path, shape: tuple[int, ...], drawings: DrawingStats | None) -> tuple[Floats, Notes]:
    """Read pixels in [0, 1] of a shape, (H, W) or (C, H, W) with C of 1 or 3; also returns what was done.

    Without `drawings`, the size and position of the training drawings, an image is only resized.

    Raises:
        ImageFileError: it is no image.
        PredictorError: it is blank, or the network takes none.
    """
    if len(shape) < 2 or (len(shape) == 3 and shape[0] not in (1, 3)):
        raise PredictorError(f"{path}: the network takes no images but examples of the shape {shape}")
    (image, animated), (height, width) = open_image(path), shape[-2:]
    first = ("the first image of an animation",) if animated else ()
    if len(shape) == 3 and shape[0] == 3 and not _is_wide(image):
        rgb = np.asarray(image.convert("RGB").resize((width, height), HAMMING), np.float32)  # (H, W, 3)
        return rgb.transpose(2, 0, 1) / np.float32(255), (*first, "resized")
    grey = _pixels(image)
    if drawings is None:
        resized = np.clip(_resize(grey, height, width), 0, 1)
        return np.broadcast_to(resized, shape).reshape(shape), (*first, "resized")
    background = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))  # of the border
    inverted = background > 0.5
    foreground = np.clip(background - grey if inverted else grey - background, 0, 1)
    if foreground.max() < BLANK:
        raise BlankImageError(f"{path}: the image is blank; --as-is takes it as it is")
    notes = ("light background: inverted", "centred") if inverted else ("centred",)
    return _centred(foreground / foreground.max(), height, drawings).reshape(shape), (*first, *notes)


def read_like_training(path: Path, shape: tuple[int, ...], resize: Resize) -> tuple[Bytes, Notes]:
    """Read the bytes of an image as those of a data set of image files; also returns what was done.

    Raises:
        ImageFileError: it is no image.
    """
    with warnings.catch_warnings(action="ignore"):  # of unusual metadata
        pixels, animated = read_pixels(path, shape, resize)
    return pixels, ("the first image of an animation",) if animated else ()


def _pixels(image: "Image") -> Floats:
    """Return brightness (H, W) in [0, 1]."""
    if _is_wide(image):
        return np.asarray(image, np.float32) / np.float32(65535)
    grey = image.convert("L")
    if image.width * image.height > LARGE:
        grey = grey.reduce(REDUCTION)
    return np.asarray(grey, np.float32) / np.float32(255)


def _is_wide(image: "Image") -> bool:
    """Return whether pixels have 16 bits, which PIL converts to no other mode."""
    return image.mode.startswith("I")


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
