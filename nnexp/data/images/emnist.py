"""EMNIST: handwritten letters and digits in the format of MNIST, in six ways to divide them into classes.

Source: Cohen, Afshar, Tapson & van Schaik 2017, "EMNIST: an extension of MNIST to handwritten letters".
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import ClassVar, Literal
from zipfile import BadZipFile, ZipFile

import numpy as np

from nnexp.data.dataset import Bytes
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import Arrays
from nnexp.data.images.idx import read_packed_idx, reading
from nnexp.data.images.image_sets import FILES, IMAGE_DIMENSIONS, find_idx, unpack_idx
from nnexp.data.images.published_set import Files, PublishedSet
from nnexp.regular_file import open_regular

ARCHIVE = "gzip.zip"
FOLDER = "gzip"  # in the archive
MERGED = digits + ascii_uppercase + "abdefghnqrt"  # without lower case where it looks like upper case
CLASSES = {
    "balanced": MERGED,
    "byclass": digits + ascii_uppercase + ascii_lowercase,
    "bymerge": MERGED,
    "digits": digits,
    "letters": ascii_lowercase,
    "mnist": digits,
}
CHUNK = 4096  # images
ZIP_ERRORS = (BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error)  # the third: encrypted


class EMNIST(PublishedSet):
    """Up to 814,255 handwritten characters, 28 x 28: Cohen et al. 2017.

    Its archive, or the four IDX files of the split. The files hold every image with rows and columns
    exchanged; here they are upright. The labels of `letters`, from 1 in its files, are from 0 here.
    """

    characters = True

    # balanced: 47 classes, equally often; byclass, bymerge: 62 and 47 classes, as often as people write them;
    # digits, letters (26 classes, either case); mnist: the digits of MNIST, drawn anew
    split: Literal["balanced", "byclass", "bymerge", "digits", "letters", "mnist"] = "balanced"

    name, title = "emnist", "EMNIST"
    packed_sha256: ClassVar[Mapping[str, str]] = {
        ARCHIVE: "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"
    }

    @property
    def known_classes(self) -> Sequence[str]:
        return CLASSES[self.split]

    @property
    def full_name(self) -> str:
        return f"{self.name}_{self.split}"

    @property
    def file_names(self) -> dict[str, str]:
        """The names of the split's IDX files, without .gz."""
        prefix = f"emnist-{self.split}"
        return {key: f"{prefix}-{name.replace('t10k', 'test')}" for key, name in FILES.items()}

    def find(self, folders: Sequence[Path]) -> dict[str, Path]:
        for folder in folders:
            files = find_idx((folder, folder / FOLDER), self.file_names)
            if len(files) == len(FILES):
                return files
            if (folder / ARCHIVE).is_file():
                return {ARCHIVE: folder / ARCHIVE}
        return {}

    def missing(self, files: Files) -> list[str]:
        return [] if files else [ARCHIVE]

    def unpack(self, files: Files) -> tuple[Arrays, dict[str, str]]:
        if ARCHIVE in files:
            arrays, checksums = read_archive(files[ARCHIVE], self.file_names)
        else:
            arrays, checksums = unpack_idx(files)
        for key, array in arrays.items():
            path = files.get(key, next(iter(files.values())))
            if key.endswith("images"):
                turn_upright(array, path)
            elif self.split == "letters":
                if array.min(initial=1) < 1:
                    raise DataError("label 0 in letters, whose labels are from 1 to 26", path=path)
                np.subtract(array, 1, out=array)
        return arrays, checksums


def read_archive(path: Path, names: Mapping[str, str]) -> tuple[Arrays, dict[str, str]]:
    """Read the named IDX files, packed with gzip, of a zip file; return arrays and SHA-256 by key."""
    arrays: dict[str, Bytes] = {}
    checksums: dict[str, str] = {}
    with reading(path), open_regular(path) as file:
        try:
            with ZipFile(file) as archive:
                members = {info.filename.rpartition("/")[2]: info for info in archive.infolist()}
                if lacking := [f"{name}.gz" for name in names.values() if f"{name}.gz" not in members]:
                    raise ValueError(f"not the archive of EMNIST: {', '.join(lacking)} missing")
                for key, name in names.items():
                    info = members[f"{name}.gz"]
                    dimensions = IMAGE_DIMENSIONS if key.endswith("images") else 1
                    with archive.open(info) as packed:
                        read = read_packed_idx(packed, dimensions, path, info.compress_size)
                    arrays[key], checksums[key] = read
        except ZIP_ERRORS as error:
            raise ValueError(f"not a zip file, or a damaged one: {error}") from error
    return arrays, checksums


def turn_upright(images: Bytes, path: Path) -> None:
    """Exchange rows and columns of images (N, H, H) in place."""
    if images.shape[1] != images.shape[2]:
        raise DataError(f"expected square images, got {images.shape[1]} x {images.shape[2]}", path=path)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK]
        chunk[:] = chunk.transpose(0, 2, 1).copy()
