"""Decode the files of a listing once: pixels as uint8 in the cache, and which files are damaged.

N files, M images that could be decoded, H x W pixels.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from math import prod
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.available_memory import available_memory
from nnexp.data.dataset import Bytes, digest
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import Arrays, load_or_build
from nnexp.data.images.folders import CACHE_VARIABLE, cache_entry, user_cache
from nnexp.messages import plural
from nnexp.preprocessing.images.pixels import Resize, decode_files, sizes_of_files

MAX_OWN_SIDE, DEFAULT_SIDE = 64, 32  # pixels, without data.size
IN_MEMORY = 1 << 28  # bytes; more are decoded into a file
SLOW = 5000  # files, from which on a line says what is going on
CHUNK = 1024  # images that are moved at once


@dataclass(frozen=True)
class Decoded:
    """The decoded files of a listing."""

    images: Bytes  # (M, H, W) or (M, 3, H, W)
    kept: NDArray[np.bool_]  # (N,) which files these are
    problems: dict[str, str]  # what is wrong with the others, by the name of the file
    size: tuple[int, int] | None  # that all files have; None: they differ


def load_decoded(
    root: Path,
    files: Sequence[Path],
    names: Sequence[str],
    *,
    size: tuple[int, int] | None,
    color: str,
    resize: Resize,
) -> Decoded:
    """Return the pixels of files, memory-mapped from the cache if none of them has changed since.

    Args:
        root: the folder or table, which has an entry in the cache for each size, color and resize.
        files: N paths.
        names: of the files, relative to the root.
        size: height and width; None: that of all files, where it is at most 64 x 64, else 32 x 32.
        color: grey, rgb, or auto: rgb if any pixel of any image has a colour.
        resize: how images are brought to the size.
    """
    options = f"{'x'.join(map(str, size)) if size else 'auto'}-{color}-{resize}"
    state = sha256()
    for name, path in zip(names, files, strict=True):
        state.update(f"{name}\0{identify(path)}\n".encode("utf-8", "surrogatepass"))
    made_from = {"files": state.hexdigest(), "pillow": version("pillow")}
    entry = cache_entry(f"images-{options}", root)
    arrays, _ = load_or_build(entry, made_from, lambda: build(files, names, size, color, resize))
    facts = json.loads(arrays["facts"].tobytes())
    own_size = tuple(facts["size"]) if facts["size"] else None
    return Decoded(arrays["images"], arrays["kept"].astype(bool), facts["problems"], own_size)


def build(
    files: Sequence[Path], names: Sequence[str], size: tuple[int, int] | None, color: str, resize: Resize
) -> tuple[Arrays, str]:
    """Decode all files; return the arrays of the cache and their SHA-256."""
    if len(files) > SLOW:
        print(f"decoding {plural(len(files), 'image')}, once", file=sys.stderr, flush=True)
    sizes = {one for one in sizes_of_files(files) if one is not None}
    own = sizes.pop() if len(sizes) == 1 else None
    is_small = own is not None and max(own) <= MAX_OWN_SIDE
    height, width = size or (own if own is not None and is_small else (DEFAULT_SIDE, DEFAULT_SIDE))
    channels = () if color == "grey" else (3,)
    images = empty_bytes((len(files), *channels, height, width))
    problems = decode_files(files, images, resize)
    kept = np.ones(len(files), bool)
    kept[list(problems)] = False
    images = compact(images, kept)
    if color == "auto" and not has_color(images):
        images = first_channel(images)
    facts = {"problems": {names[i]: problem for i, problem in problems.items()}, "size": own}
    text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    arrays = {"images": images, "kept": kept.astype(np.uint8), "facts": text}
    return arrays, digest(*arrays.values())


def empty_bytes(shape: tuple[int, ...]) -> Bytes:
    """Return an array to be filled; a large one lies in a file without a name, in the cache.

    Raises:
        DataError: it fits neither there nor into memory.
    """
    size = prod(shape)
    if size > IN_MEMORY and (cache := user_cache()) is not None:
        with suppress(OSError):  # the cache cannot be written, or the disk is full
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=cache) as file:
                if hasattr(os, "posix_fallocate"):  # a file with holes would end the process on a full disk
                    os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, np.uint8, "w+", shape=shape)
    free = available_memory()
    if free is not None and size > free:
        problem = f"{size:,} bytes of pixels fit neither into the cache nor into memory"
        remedy = f"choose a smaller data.size, or set {CACHE_VARIABLE} to a folder on a larger disk"
        raise DataError(problem, remedy)
    return np.empty(shape, np.uint8)


def compact(images: Bytes, kept: NDArray[np.bool_]) -> Bytes:
    """Move the images that are kept to the front, in place, and return these."""
    rows = np.flatnonzero(kept)
    if len(rows) < len(images):
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            images[start : start + len(chunk)] = images[chunk]
    return images[: len(rows)]


def has_color(images: Bytes) -> bool:
    """Return whether the channels of any image (M, 3, H, W) differ."""
    chunks = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    return any((chunk[:, 1:] != chunk[:, :1]).any() for chunk in chunks)


def first_channel(images: Bytes) -> Bytes:
    """Return the first channel (M, H, W) of images (M, 3, H, W), moved to the front of their memory."""
    count, _, height, width = images.shape
    grey = images.reshape(-1)[: count * height * width].reshape(count, height, width)
    for start in range(0, count, CHUNK):
        grey[start : start + CHUNK] = images[start : start + CHUNK, 0].copy()
    return grey


def identify(path: Path) -> Any:
    """Return what changes when a file or its content does; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
