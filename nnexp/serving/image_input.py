"""A person's own pictures as the network knows its images: size, channels; drawings bright on black, and where they lie in the frame.

H x W pixels, C channels.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import FAINT, DrawingStats, box, centre_of_mass

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
NOISE = 6.0  # the border's grey deviates by some amount; what deviates less than so many of these is paper
FRINGE = 0.2  # of the strongest ink: JPEG leaves so much beside a stroke
Floats = NDArray[np.float32]


def picture(path: Path, shape: tuple[int, ...], ink: DrawingStats | None) -> tuple[Floats, tuple[str, ...]]:
    """The pixels in [0, 1] as the network's images have them, `shape`, and what was done to them.

    Args:
        path: of the file.
        shape: (H, W) or (C, H, W) with C of 1 or 3.
        ink: how drawings lie in the network's images; None: the picture is only brought to the size.

    Raises:
        PredictorError: no picture, or a blank one, or the network takes none.
    """
    if len(shape) < 2 or (len(shape) == 3 and shape[0] not in (1, 3)):
        raise PredictorError(f"{path}: the network takes no pictures but examples of the shape {shape}")
    height, width = shape[-2:]
    if len(shape) == 3 and shape[0] == 3:
        colours = np.asarray(
            opened(path).convert("RGB").resize((width, height), reducing()), np.float32
        )  # (H, W, 3)
        return colours.transpose(2, 0, 1) / np.float32(255), ("brought to size",)
    grey = grey_of(opened(path))
    if ink is None:
        return np.clip(resized(grey, height, width), 0, 1).reshape(shape), ("brought to size",)
    try:
        drawing, light = inked(grey)
        return centred(drawing, height, ink).reshape(shape), (
            *(("light background: inverted",) if light else ()),
            "centred",
        )
    except ValueError as error:
        raise PredictorError(f"{path}: nothing is drawn in it; --as-is takes it as it is") from error


def opened(path: Path) -> "Image":
    """The picture upright, its first frame, on white where it is transparent."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError) as error:
        raise PredictorError(f"{path}: not a picture that can be read ({error})") from error
    except OSError as error:
        raise PredictorError(f"{path}: cannot be read: {error.strerror or error}") from error
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image


def grey_of(image: "Image") -> Floats:
    """Brightness (H, W) in [0, 1]."""
    if image.mode.startswith(("I", "F")):  # 16 bits, or whatever a program meant
        pixels = np.asarray(image, np.float32)
        largest = 65535 if image.mode.startswith("I") else 1
        return pixels / np.float32(max(largest, float(pixels.max(initial=0))))
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def inked(grey: Floats) -> tuple[Floats, bool]:
    """A drawing (H, W) as ink from 0 to 1 on paper of 0, and whether it was dark on light.

    The border is taken for paper: its median is the paper's grey, and what differs from it less than the border itself is paper too.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    light = paper > 0.5
    ink = paper - grey if light else grey - paper
    noise = NOISE * 1.4826 * float(np.median(np.abs(border - paper)))  # a robust standard deviation
    ink = np.where(ink > noise, ink, 0).clip(0)
    largest = float(ink.max(initial=0))
    if largest < FAINT:
        raise ValueError("nothing is drawn")
    return (ink / largest).astype(np.float32), light


def centred(drawing: Floats, side: int, ink: DrawingStats) -> Floats:
    """A drawing as large as those of the network, with its centre of mass where theirs is in side x side; none of it is cut."""
    drawn = drawing[box(drawing, FRINGE)]
    factor = ink.extent / max(drawn.shape)
    height, width = (max(1, round(length * factor)) for length in drawn.shape)
    small = np.clip(resized(drawn, height, width), 0, 1)
    small /= small.max()
    wanted = zip(ink.centre, centre_of_mass(small), (height, width), strict=True)
    top, left = (min(max(round(middle - mass), 0), side - length) for middle, mass, length in wanted)
    frame = np.zeros((side, side), np.float32)
    frame[top : top + height, left : left + width] = small
    return frame


def resized(pixels: Floats, height: int, width: int) -> Floats:
    """Pixels (H, W) brought to another size, each new one the mean of those that it covers, smoothly."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), reducing()))


def reducing() -> Any:
    """How pictures are made smaller."""
    from PIL.Image import Resampling

    return Resampling.HAMMING


def stored(pixels: Floats, scale: Any, kind: np.dtype[Any]) -> NDArray[Any]:
    """Pixels in [0, 1] as the data set stores them: bytes from 0 to 1 / scale; where no scale is known, from 0 to 255.

    Args:
        pixels: any number of images.
        scale: what brings stored numbers to [0, 1].
        kind: the type that they are stored as.
    """
    largest = 1 / scale if isinstance(scale, float) else 255.0
    values = pixels * largest
    return values.round().astype(kind) if kind.kind in "iu" else values.astype(kind)
