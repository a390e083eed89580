"""The MNIST family: four IDX files per set, read from a folder or downloaded from mirrors, verified, cached.

What is downloaded is verified by the public SHA-256 of the mirrors' files. For MNIST that of the content is
public, too. Files of the others may have been packed anew: later loads are compared with the SHA-256 of the
content at first use, which is kept beside the cache.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nnexp.atomic_write import write_atomically
from nnexp.data.dataset import Bytes, Dataset, Source, digest
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import Arrays, load_cached, load_or_build
from nnexp.data.images.download import download
from nnexp.data.images.folders import CACHE_VARIABLE, cache_entry, resolve_folder, user_cache
from nnexp.data.images.idx import idx_checksum, read_idx
from nnexp.messages import plural
from nnexp.regular_file import open_regular

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
IMAGE_DIMENSIONS = 3
MAX_RECORD = 1 << 16  # bytes
OLD_CACHE = "cache"  # in the data set's folder, of earlier versions: still read, no longer written


class ImageSet(Source):
    """Four IDX files, raw or gzip-compressed, in `root`/`name`, which is only read, or in the user's cache.

    Files that are missing are downloaded to the user's cache.
    """

    mirrors: list[str]  # addresses of folders that hold the four .gz files, tried in order

    name: ClassVar[str]  # of the folder
    title: ClassVar[str]  # for messages
    classes: ClassVar[Sequence[str]]
    packed_sha256: ClassVar[Sequence[str]]  # of the mirrors' .gz files, in the order of FILES
    sha256: ClassVar[Sequence[str]] = ()  # of the decompressed files, if it is public

    @property
    def known_classes(self) -> Sequence[str]:
        return self.classes

    def load(self) -> Dataset:
        given, cache = resolve_folder(self.root), user_cache()
        roots = [root for root in dict.fromkeys((given, cache)) if root is not None]
        folders = [root / self.name for root in roots]
        files = self.find(folders)
        entry = None if files or given is None else load_cached(given / self.name / OLD_CACHE)
        if entry is None or not self.is_valid(entry[0]):
            files = self.download_missing(files, folders, None if cache is None else cache / self.name)
            entry = self.load_files(files)
        arrays, content = entry
        x, x_test = arrays["train_images"], arrays["test_images"]
        return Dataset(
            name=self.name,
            x=x.reshape(len(x), -1),
            y=arrays["train_labels"].astype(np.int64),
            x_test=x_test.reshape(len(x_test), -1),
            y_test=arrays["test_labels"].astype(np.int64),
            shape=x.shape[1:],
            classes=tuple(self.classes),
            scale=1 / 255,
            sha256=content,
        )

    @staticmethod
    def find(folders: Sequence[Path]) -> dict[str, Path]:
        """Return those of the four files that are in one of the folders, by their key in FILES."""
        files: dict[str, Path] = {}
        for folder in folders:
            for key, name in FILES.items():
                packed = folder / f"{name}.gz"
                path = packed if packed.is_file() else folder / name
                if key not in files and path.is_file():
                    files[key] = path
        return files

    def download_missing(
        self, files: dict[str, Path], folders: Sequence[Path], target: Path | None
    ) -> dict[str, Path]:
        """Return all four files; those that are in none of the folders are downloaded into `target`."""
        missing = [key for key in FILES if key not in files]
        places = " or ".join(map(str, folders)) or self.root
        try:
            if missing and target is None:
                raise DataError(f"{self.title} is not in {places}; no home directory: set {CACHE_VARIABLE}")
            if missing:
                notice = f"{self.title} is not in {places}: downloading {plural(len(missing), 'file')}"
                print(f"{notice} to {target}", file=sys.stderr, flush=True)
            for key, checksum in zip(FILES, self.packed_sha256, strict=True):
                if key in missing and target is not None:
                    files[key] = download(f"{FILES[key]}.gz", self.mirrors, target, checksum)
        except DataError as error:
            names = ", ".join(f"{FILES[key]}.gz" for key in missing)
            advice = f"put {names}, packed or unpacked, into {folders[0] if folders else self.name}"
            raise DataError(error.problem, advice, "data=digits, which needs no download") from error
        return {key: files[key] for key in FILES}

    def load_files(self, files: dict[str, Path]) -> tuple[Arrays, str]:
        """Return the verified content of the four files, from the cache if it was made from them."""
        folder = files["train_images"].parent
        cache = cache_entry(self.name, folder)
        old_record = folder / f"{OLD_CACHE}-first-use.json"
        first_use = cache and cache.with_name(f"{cache.name}-first-use.json")
        record = old_record if old_record.exists() else first_use
        made_from = {key: identify(path) for key, path in files.items()}
        return load_or_build(cache, made_from, lambda: self.read(files, record))

    def read(self, files: dict[str, Path], first_use: Path | None) -> tuple[Arrays, str]:
        arrays: dict[str, Bytes] = {}
        checksums: dict[str, str] = {}
        for key, path in files.items():
            arrays[key], checksums[key] = read_idx(path, IMAGE_DIMENSIONS if key.endswith("images") else 1)
        for split in ("train", "test"):
            images = f"{split}_images"
            labels = arrays[f"{split}_labels"]
            path = files[f"{split}_labels"]
            if len(arrays[images]) != len(labels):
                problem = f"{len(labels):,} labels, but {files[images]} holds {len(arrays[images]):,} images"
                raise DataError(problem, "take both files from one source", path=path)
            if len(labels) and labels.max() >= len(self.classes):
                problem = f"label {labels.max()} in a set of {len(self.classes)} classes"
                raise DataError(problem, "take the set's own files", path=path)
        self.verify(files, checksums, first_use)
        return arrays, digest(*arrays.values())

    def is_valid(self, arrays: Arrays) -> bool:
        """Return whether arrays, of whatever origin, are those of this set."""
        if arrays.keys() != FILES.keys() or any(array.dtype != np.uint8 for array in arrays.values()):
            return False
        for split in ("train", "test"):
            images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
            if images.ndim != IMAGE_DIMENSIONS or images.shape[:1] != labels.shape:
                return False
            if labels.max(initial=0) >= len(self.classes):
                return False
        return not self.sha256 or [idx_checksum(arrays[key]) for key in FILES] == [*self.sha256]

    def verify(self, files: dict[str, Path], checksums: dict[str, str], first_use: Path | None) -> None:
        """Compare the SHA-256 of each file with the public one, or with that at first use."""
        known = dict(zip(FILES, self.sha256, strict=False))
        expected = known or first_checksums(checksums, first_use)
        for key, path in files.items():
            if checksums[key] != expected[key]:
                origin = "public" if self.sha256 else "at first use"
                shas = f"expected SHA-256 {expected[key][:16]}... ({origin}), got {checksums[key][:16]}..."
                intended = "" if self.sha256 else f", or delete {first_use} if the change is intended"
                remedy = f"delete it and download it again{intended}"
                raise DataError(f"not the content of {self.title}: {shas}", remedy, path=path)


def identify(path: Path) -> list[Any]:
    """Return what changes when a file or its content does, also where the time of its content is kept."""
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def first_checksums(checksums: dict[str, str], first_use: Path | None) -> dict[str, str]:
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
        return {key: str(known[key]) for key in FILES}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        problem = f"not a readable record of first use: {error}"
        raise DataError(problem, "delete it if you trust the data", path=first_use) from error


class MNIST(ImageSet):
    """70,000 handwritten digits, 28 x 28: LeCun et al. 1998."""

    name, title = "mnist", "MNIST"
    classes = "0123456789"
    packed_sha256 = (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    )
    sha256 = (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    )


class FashionMNIST(ImageSet):
    """70,000 articles of clothing, 28 x 28: Xiao et al. 2017."""

    name, title = "fashion_mnist", "Fashion-MNIST"
    classes = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    packed_sha256 = (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    )


class KMNIST(ImageSet):
    """70,000 cursive Japanese characters, 28 x 28: Clanuwat et al. 2018."""

    name, title = "kmnist", "Kuzushiji-MNIST"
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    packed_sha256 = (
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    )
