"""Load a published image data set: files in folders, or downloaded from mirrors, are verified and cached.

What is downloaded is verified by the public SHA-256 of the mirrors' files. Where that of the content is
public too, every file is held to it. Other files may have been packed anew: later loads are compared with the
SHA-256 of the content at first use, which is kept beside the cache.
"""

import json
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nnexp.atomic_write import write_atomically
from nnexp.data.dataset import Dataset, ImageSource, digest
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import Arrays, Entry, load_or_build
from nnexp.data.images.download import download
from nnexp.data.images.folders import CACHE_VARIABLE, cache_entry, resolve_folder, user_cache
from nnexp.messages import plural
from nnexp.regular_file import open_regular

Files = Mapping[str, Path]
IMAGES, LABELS = "{}_images", "{}_labels"  # the arrays of a split, train or test
MAX_RECORD = 1 << 16  # bytes
OLD_CACHE = "cache"  # in the data set's folder, of earlier versions: still read, no longer written


class PublishedSet(ImageSource):
    """Files in `root`/`name`, which is only read, or in the user's cache.

    Files that are missing are downloaded to the user's cache.
    """

    mirrors: list[str]  # addresses of folders that hold the files, tried in order

    name: ClassVar[str]  # of the folder
    title: ClassVar[str]  # for messages
    classes: ClassVar[Sequence[str]] = ()
    packed_sha256: ClassVar[Mapping[str, str]]  # of the mirrors' files, by name
    sha256: ClassVar[Sequence[str]] = ()  # of the unpacked files, in order, if it is public

    @property
    def known_classes(self) -> Sequence[str]:
        return self.classes

    @property
    def full_name(self) -> str:
        """The name of what is loaded, where the files hold several data sets."""
        return self.name

    @abstractmethod
    def find(self, folders: Sequence[Path]) -> dict[str, Path]:
        """Return those of the files that are in the folders, by what they hold."""

    @abstractmethod
    def missing(self, files: Files) -> list[str]:
        """Return the names of the mirrors' files that are needed beside these."""

    def others(self, folders: Sequence[Path]) -> str:
        """Say what is in the folders instead of all files, if that is of use."""
        return ""

    @abstractmethod
    def unpack(self, files: Files) -> tuple[Arrays, dict[str, str]]:
        """Return the arrays of `IMAGES`, (N, H, W) or (N, C, H, W), and `LABELS`, and the files' SHA-256.

        Raises:
            DataError: a file cannot be read, or is damaged.
        """

    def load(self) -> Dataset:
        given, cache = resolve_folder(self.root), user_cache()
        roots = [root for root in dict.fromkeys((given, cache)) if root is not None]
        folders = [root / self.name for root in roots]
        files = self.find(folders)
        earlier = None if files or given is None else self.load_earlier(given / self.name / OLD_CACHE)
        if earlier is None:
            files = self.download_missing(files, folders, None if cache is None else cache / self.name)
        arrays, content = earlier or self.load_files(files)
        x, x_test = arrays["train_images"], arrays["test_images"]
        return Dataset(
            name=self.full_name,
            x=x.reshape(len(x), -1),
            y=arrays["train_labels"].astype(np.int64),
            x_test=x_test.reshape(len(x_test), -1),
            y_test=arrays["test_labels"].astype(np.int64),
            shape=x.shape[1:],
            classes=tuple(self.known_classes),
            scale=1 / 255,
            standardize=self.standardize,
            sha256=content,
        )

    def load_earlier(self, folder: Path) -> Entry | None:
        """Load the cache that an earlier version has left, if there is one that is valid."""
        return None

    def download_missing(
        self, files: dict[str, Path], folders: Sequence[Path], target: Path | None
    ) -> dict[str, Path]:
        """Return all files; those that are in none of the folders are downloaded into `target`."""
        missing = self.missing(files)
        if not missing:
            return files
        places = " or ".join(map(str, folders)) or self.root
        try:
            if target is None:
                raise DataError(f"{self.title} is not in {places}; no home directory: set {CACHE_VARIABLE}")
            others = f" ({instead})" if (instead := self.others(folders)) else ""
            notice = f"{self.title} is not in {places}{others}: downloading {plural(len(missing), 'file')}"
            print(f"{notice} to {target}", file=sys.stderr, flush=True)
            for name in missing:
                download(name, self.mirrors, target, self.packed_sha256[name])
        except DataError as error:
            names = ", ".join(missing)
            advice = f"put {names}, packed or unpacked, into {folders[0] if folders else self.name}"
            raise DataError(error.problem, advice, "data=digits, which needs no download") from error
        return self.find([*folders, target])

    def load_files(self, files: Files) -> Entry:
        """Return the verified content of the files, from the cache if it was made from them."""
        folder = next(iter(files.values())).parent
        cache = cache_entry(self.full_name, folder)
        old_record = folder / f"{OLD_CACHE}-first-use.json"
        first_use = cache and cache.with_name(f"{cache.name}-first-use.json")
        record = old_record if old_record.exists() else first_use
        made_from = {key: identify(path) for key, path in files.items()}
        return load_or_build(cache, made_from, lambda: self.read(files, record))

    def read(self, files: Files, first_use: Path | None) -> Entry:
        """Return the arrays, verified, and their SHA-256."""
        arrays, checksums = self.unpack(files)
        classes = len(self.known_classes)
        for split in ("train", "test"):
            images, labels = IMAGES.format(split), LABELS.format(split)
            largest = arrays[labels].max(initial=0)
            path = files.get(labels, next(iter(files.values())))
            if len(arrays[images]) != len(arrays[labels]):
                counts = f"{len(arrays[labels]):,} labels, but"
                problem = f"{counts} {files.get(images, path)} holds {len(arrays[images]):,} images"
                raise DataError(problem, "take both files from one source", path=path)
            if largest >= classes:
                problem = f"label {largest} in a set of {classes} classes"
                raise DataError(problem, "take the set's own files", path=path)
        self.verify(files, checksums, first_use)
        return arrays, digest(*arrays.values())

    def verify(self, files: Files, checksums: Mapping[str, str], first_use: Path | None) -> None:
        """Compare the SHA-256 of each unpacked file with the public one, or with that at first use."""
        known = dict(zip(checksums, self.sha256, strict=False))
        expected = known or first_checksums(checksums, first_use)
        for key, checksum in checksums.items():
            if checksum != expected[key]:
                origin = "public" if self.sha256 else "at first use"
                shas = f"expected SHA-256 {expected[key][:16]}... ({origin}), got {checksum[:16]}..."
                intended = "" if self.sha256 else f", or delete {first_use} if the change is intended"
                remedy = f"delete it and download it again{intended}"
                path = files.get(key, next(iter(files.values())))
                raise DataError(f"not the content of {self.title}: {shas}", remedy, path=path)


def identify(path: Path) -> list[Any]:
    """Return what changes when a file or its content does, also where the time of its content is kept."""
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def first_checksums(checksums: Mapping[str, str], first_use: Path | None) -> Mapping[str, str]:
    """Return the SHA-256 of each file at first use; record it if this is the first use."""
    if first_use is None:
        return checksums
    if not first_use.exists():
        with suppress(OSError):  # where nothing can be written, nothing can be compared later
            write_atomically(first_use, json.dumps(checksums, indent=1))
        return checksums
    try:
        with open_regular(first_use) as file:
            known = json.loads(file.read(MAX_RECORD))
        return {key: str(known[key]) for key in checksums}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        problem = f"not a readable record of first use: {error}"
        raise DataError(problem, "delete it if you trust the data", path=first_use) from error
