"""CIFAR-10 in its binary version: records of a label and 32 x 32 pixels in red, green and blue.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images", and the data set's page.
"""

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from io import BufferedReader
from math import prod
from os import fstat
from pathlib import Path
from typing import IO, ClassVar

import numpy as np

from nnexp.array_file import check_size
from nnexp.data.dataset import Bytes
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import Arrays
from nnexp.data.images.idx import DOWNLOAD_AGAIN, reading
from nnexp.data.images.published_set import Files, PublishedSet
from nnexp.gzip_stream import GzipStream
from nnexp.regular_file import open_regular

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"  # in the archive
PICKLES = ("cifar-10-batches-py", "cifar-10-python.tar.gz")  # the version for Python
TRAIN, TEST = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"
NAMES = (*TRAIN, TEST)
SHAPE = (3, 32, 32)  # C, H, W
RECORD = 1 + prod(SHAPE)  # bytes: the label, then all of red, green and blue, row by row


class CIFAR10(PublishedSet):
    """60,000 colour photographs, 32 x 32, of animals and vehicles: Krizhevsky 2009.

    Its archive, or the six files in it. The version for Python is not read: pickles run code.
    """

    name, title = "cifar10", "CIFAR-10"
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    packed_sha256: ClassVar[Mapping[str, str]] = {
        ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    }

    def find(self, folders: Sequence[Path]) -> dict[str, Path]:
        for folder in with_parents(folders):
            for place in (folder / FOLDER, folder):
                if all((place / name).is_file() for name in NAMES):
                    return {name: place / name for name in NAMES}
            if (folder / ARCHIVE).is_file():
                return {ARCHIVE: folder / ARCHIVE}
        return {}

    def others(self, folders: Sequence[Path]) -> str:
        for folder in with_parents(folders):
            if pickles := [name for name in PICKLES if (folder / name).exists()]:
                return f"{folder / pickles[0]} holds pickles, which can run code, and is not read"
            for place in (folder / FOLDER, folder):
                lacking = [name for name in NAMES if not (place / name).is_file()]
                if len(lacking) < len(NAMES):
                    return f"{place} lacks {', '.join(lacking)}"
        return ""

    def missing(self, files: Files) -> list[str]:
        return [] if files else [ARCHIVE]

    def unpack(self, files: Files) -> tuple[Arrays, dict[str, str]]:
        batches = read_archive(files[ARCHIVE]) if ARCHIVE in files else read_files(files)
        train, test = [batches[name] for name in TRAIN], batches[TEST]
        arrays = {
            "train_images": np.concatenate([batch[:, 1:] for batch in train]).reshape(-1, *SHAPE),
            "train_labels": np.concatenate([batch[:, 0] for batch in train]),
            "test_images": test[:, 1:].reshape(-1, *SHAPE),
            "test_labels": test[:, 0].copy(),
        }
        return arrays, {name: sha256(batches[name].data).hexdigest() for name in NAMES}


def with_parents(folders: Sequence[Path]) -> list[Path]:
    """Return the folders, then those above, where other programs keep the same files."""
    return list(dict.fromkeys([*folders, *(folder.parent for folder in folders)]))


def read_files(files: Files) -> dict[str, Bytes]:
    """Read the files of records, (N, 1 + C H W) each, by name."""
    batches = {}
    for name, path in files.items():
        with reading(path), open_regular(path) as file:
            batches[name] = read_records(file, fstat(file.fileno()).st_size, path, name)
    return batches


def read_archive(path: Path) -> dict[str, Bytes]:
    """Read the files of records in the archive, without writing any to the disk."""
    with reading(path), open_regular(path) as file:
        packed = fstat(file.fileno()).st_size
        batches = dict(_members(file, packed, path))
        if lacking := [name for name in NAMES if name not in batches]:
            raise ValueError(f"not the archive of CIFAR-10's binary version: {', '.join(lacking)} missing")
        return batches


def _members(file: BufferedReader, packed: int, path: Path) -> Iterator[tuple[str, Bytes]]:
    """Yield the records of each file in an archive, by the file's name."""
    total = 0
    try:
        with tarfile.open(fileobj=BufferedReader(GzipStream(file)), mode="r|") as archive:
            for member in archive:
                total += member.size
                check_size(path, total, packed, f"unpack it, {FOLDER} into this folder")
                name = member.name.rpartition("/")[2]
                if name in NAMES and (content := archive.extractfile(member)):
                    yield name, read_records(content, member.size, path, name)
    except tarfile.TarError as error:
        raise ValueError(f"not an archive, or a damaged one: {error}") from error


def read_records(file: IO[bytes], size: int, path: Path, name: str) -> Bytes:
    """Read the records of an open file of `size` bytes, (N, 1 + C H W)."""
    if size % RECORD or not size:
        records = f"expected records of {RECORD:,} bytes, a label and {' x '.join(map(str, SHAPE))} pixels"
        raise DataError(f"{name}: {records}, got {size:,} bytes", DOWNLOAD_AGAIN, path=path)
    check_size(path, size, size)
    content = file.read(size)
    if len(content) < size:
        raise ValueError(f"truncated: {name} ends at offset {len(content):,} of {size:,}")
    return np.frombuffer(content, np.uint8).reshape(-1, RECORD)
