"""Open image files that may be damaged or hostile: of known formats only, of bounded size, upright."""

import struct
import warnings
import zlib
from contextlib import suppress
from io import SEEK_CUR, SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nnexp.messages import first_line
from nnexp.preprocessing.errors import ImageFileError
from nnexp.regular_file import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")  # whatever the name: PIL starts programs for some others
EXPECTED = "expected PNG, JPEG, GIF, BMP or WebP"
MAX_PIXELS = 1 << 26
SMALL, MAX_RATIO = (
    1 << 22,
    2000,
)  # pixels; and per byte of the file of a larger image: photographs have 1 to 50
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values that swap height and width
DECODER_ERRORS = (  # of damaged files: PIL has no error of its own
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError),
    *(RuntimeError, AssertionError, MemoryError, struct.error, zlib.error),
)


def open_image(path: Path) -> tuple["Image", bool]:
    """Open an image upright, of an animation the first one; also return whether it is an animation.

    Raises:
        ImageFileError: it is no such image, damaged, or too large.
    """
    with warnings.catch_warnings(action="ignore"):  # of unusual metadata
        return decode_image(path)


def decode_image(path: Path) -> tuple["Image", bool]:
    """Open an image as `open_image` does, in a thread: warnings are silenced by the caller."""
    try:
        with open_regular(path) as file:
            return decode_content(file)
    except ImageFileError as error:
        raise ImageFileError(f"{path}: {error}") from error
    except OSError as error:
        raise ImageFileError(f"{path}: cannot be read as an image: {error.strerror or error}") from error


def read_size(path: Path) -> tuple[int, int] | None:
    """Return height and width of an upright image from the head of its file; None if that is damaged."""
    from PIL import Image

    try:
        with open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            return (width, height) if image.getexif().get(ORIENTATION, 1) in TURNED else (height, width)
    except (*DECODER_ERRORS, Image.DecompressionBombError):
        return None


def decode_content(file: BinaryIO) -> tuple["Image", bool]:
    """Open an image as `open_image` does, of an open file or of its bytes, in a thread.

    Raises:
        ImageFileError: it is no such image, damaged, or too large.
    """
    from PIL import Image, UnidentifiedImageError

    file_size = file.seek(0, SEEK_END)
    file.seek(0)
    size, allowed = "too many", MAX_PIXELS
    try:
        with Image.open(file, formats=FORMATS) as image:
            allowed = min(MAX_PIXELS, max(SMALL, MAX_RATIO * file_size))
            if 0 < image.width * image.height <= allowed:
                return _upright(image), bool(getattr(image, "is_animated", False))
            size = f"{image.width:,} x {image.height:,}"
    except UnidentifiedImageError as error:
        content = "an unknown format" if file_size else "the file is empty"
        raise ImageFileError(f"cannot be read as an image: {content}; {EXPECTED}") from error
    except DECODER_ERRORS as error:
        where = f"near offset {file.seek(0, SEEK_CUR):,}: {first_line(error)}"
        problem = f"cannot be read as an image, {where}"
        raise ImageFileError(f"{problem}; {EXPECTED}") from error
    except Image.DecompressionBombError:
        pass
    problem = f"an image of {size} pixels in {file_size:,} bytes, expected at most {allowed:,}"
    raise ImageFileError(f"{problem}; fix: make it smaller")


def _upright(image: "Image") -> "Image":
    """Load the pixels, turned as the camera was, on white where they are transparent."""
    from PIL import Image, ImageOps

    image.load()
    with suppress(*DECODER_ERRORS):  # damaged metadata are not worth the image
        image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.copy()
