"""Decode image files as bytes of one size and colour, many at once: what training and predictions share.

N images, H x W pixels; grey images are (H, W), those of colours (3, H, W): red, green, blue.
"""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.errors import ImageFileError
from nnexp.preprocessing.images.image_file import decode_image, read_size

if TYPE_CHECKING:
    from PIL.Image import Image

Bytes = NDArray[np.uint8]
Resize = Literal["stretch", "crop", "pad"]
BILINEAR = 2  # PIL.Image.Resampling.BILINEAR, without the import; smoothed where an image becomes smaller
MAX_THREADS = 8
BLOCK = 256  # files that wait for a thread: their errors, not their pixels, are kept
LARGEST = 65535  # of 16 bits


def decode_files(paths: Sequence[Path], images: Bytes, resize: Resize) -> dict[int, str]:
    """Decode files in parallel into images (N, H, W) or (N, 3, H, W); return what is wrong, by index.

    The images of files with an error stay as they are.
    """
    decode = partial(_decode_into, images, resize)
    problems: dict[int, str] = {}
    with silent_pool() as pool:
        for start in range(0, len(paths), BLOCK):
            block = range(start, min(start + BLOCK, len(paths)))
            results = pool.map(decode, block, [paths[i] for i in block])
            problems |= {i: problem for i, problem in zip(block, results, strict=True) if problem}
    return problems


def sizes_of_files(paths: Sequence[Path]) -> Iterator[tuple[int, int] | None]:
    """Yield height and width of each image, from the heads of the files; None of a damaged one."""
    with silent_pool() as pool:
        yield from pool.map(read_size, paths)


@contextmanager
def silent_pool() -> Iterator[ThreadPoolExecutor]:
    """Start threads that decode, without warnings of unusual metadata."""
    from PIL import Image

    Image.init()  # not in each of the threads
    with (
        warnings.catch_warnings(action="ignore"),
        ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool,
    ):
        yield pool


def read_pixels(path: Path, shape: tuple[int, ...], resize: Resize) -> tuple[Bytes, bool]:
    """Decode a file as pixels of a shape, (H, W) or (3, H, W); also return whether it is an animation.

    Raises:
        ImageFileError: it is no image.
    """
    image, animated = decode_image(path)
    return to_pixels(image, shape, resize), animated


def to_pixels(image: "Image", shape: tuple[int, ...], resize: Resize) -> Bytes:
    """Convert an image to pixels of a shape, (H, W) or (3, H, W).

    stretch: both sides are scaled to those of the shape. crop: the image covers the shape, and what is
    outside is cut off on both sides. pad: the whole image between black bars.
    """
    from PIL import ImageOps

    image = to_8_bits(image).convert("L" if len(shape) == 2 else "RGB")
    height, width = shape[-2:]
    size = (width, height)
    if image.size != size:
        if resize == "stretch":
            image = image.resize(size, BILINEAR)
        else:
            image = (ImageOps.fit if resize == "crop" else ImageOps.pad)(image, size, BILINEAR)
    pixels = np.asarray(image)
    return pixels if len(shape) == 2 else pixels.transpose(2, 0, 1)


def to_8_bits(image: "Image") -> "Image":
    """Convert pixels of 16 bits, which PIL would cut off at 255, by their ratio to white."""
    from PIL import Image

    if not image.mode.startswith("I"):
        return image
    wide = np.asarray(image).astype(np.float64).clip(0, LARGEST)
    return Image.fromarray(np.rint(wide * (255 / LARGEST)).astype(np.uint8))


def _decode_into(images: Bytes, resize: Resize, i: int, path: Path) -> str | None:
    """Decode a file into the i-th image; return what is wrong with it, None if nothing is."""
    try:
        images[i] = read_pixels(path, images.shape[1:], resize)[0]
    except ImageFileError as error:
        return str(error).removeprefix(f"{path}: ")
    return None
