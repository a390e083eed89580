"""Image files as a served model gets them: their bytes, or these as base64 text.

N images.
"""

import binascii
import io
import warnings
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnexp.preprocessing.errors import ImageFileError
from nnexp.preprocessing.images.image_file import decode_content
from nnexp.preprocessing.images.pixels import Bytes, Resize, to_pixels
from nnexp.serving.errors import PredictorError

DATA_URL = "data:"  # such as data:image/png;base64,iVBOR...


def file_contents(given: Any) -> list[str | bytes] | None:
    """Return the contents of N image files, of a list, an array or a table of one column; None: others."""
    if isinstance(given, str | bytes):
        return [given]
    cells = np.asarray(given, object) if isinstance(given, list | tuple) else np.asarray(given)
    if cells.dtype.kind not in "OSU" or not cells.size:
        return None
    contents = cells.ravel().tolist()
    return contents if all(isinstance(content, str | bytes) for content in contents) else None


def decode_contents(contents: Sequence[str | bytes], shape: tuple[int, ...], resize: Resize) -> Bytes:
    """Decode N image files as pixels (N, *shape), as those of the training images were.

    Raises:
        PredictorError: one of them is no image, or no base64 text.
    """
    x = np.empty((len(contents), *shape), np.uint8)
    with warnings.catch_warnings(action="ignore"):  # of unusual metadata
        for n, content in enumerate(contents):
            try:
                x[n] = to_pixels(decode_content(io.BytesIO(_as_bytes(content)))[0], shape, resize)
            except ImageFileError as error:
                raise PredictorError(f"image {n + 1:,}: {error}") from error
            except (binascii.Error, ValueError) as error:
                expected = "expected the bytes of an image file as base64 text"
                raise PredictorError(f"image {n + 1:,}: {expected}: {error}") from error
    return x


def _as_bytes(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    text = content.partition(",")[2] if content.startswith(DATA_URL) else content
    return b64decode("".join(text.split()), validate=True)
