"""The MNIST family: four IDX files per set, raw or compressed with gzip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnexp.data.dataset import Bytes
from nnexp.data.images.array_cache import Arrays, Entry, load_cached
from nnexp.data.images.idx import idx_checksum, read_idx
from nnexp.data.images.published_set import IMAGES, LABELS, Files, PublishedSet

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
IMAGE_DIMENSIONS = 3


class ImageSet(PublishedSet):
    """Four IDX files, each raw or packed, whose names are those of MNIST's."""

    def find(self, folders: Sequence[Path]) -> dict[str, Path]:
        return find_idx(folders, FILES)

    def missing(self, files: Files) -> list[str]:
        return [f"{name}.gz" for key, name in FILES.items() if key not in files]

    def unpack(self, files: Files) -> tuple[Arrays, dict[str, str]]:
        return unpack_idx(files)

    def load_earlier(self, folder: Path) -> Entry | None:
        entry = load_cached(folder)
        return entry if entry is not None and self.is_valid(entry[0]) else None

    def is_valid(self, arrays: Arrays) -> bool:
        """Return whether arrays, of whatever origin, are those of this set."""
        if arrays.keys() != FILES.keys() or any(array.dtype != np.uint8 for array in arrays.values()):
            return False
        for split in ("train", "test"):
            images, labels = arrays[IMAGES.format(split)], arrays[LABELS.format(split)]
            if images.ndim != IMAGE_DIMENSIONS or images.shape[:1] != labels.shape:
                return False
            if labels.max(initial=0) >= len(self.classes):
                return False
        return not self.sha256 or [idx_checksum(arrays[key]) for key in FILES] == [*self.sha256]


def find_idx(folders: Sequence[Path], names: dict[str, str]) -> dict[str, Path]:
    """Return those of the named files, raw or packed, that are in one of the folders, by their key."""
    files: dict[str, Path] = {}
    for key, name in names.items():
        for folder in folders:
            packed = folder / f"{name}.gz"
            path = packed if packed.is_file() else folder / name
            if key not in files and path.is_file():
                files[key] = path
    return files


def unpack_idx(files: Files) -> tuple[Arrays, dict[str, str]]:
    """Read four files; return the arrays and the SHA-256 of each, by the same keys."""
    arrays: dict[str, Bytes] = {}
    checksums: dict[str, str] = {}
    for key in FILES:
        arrays[key], checksums[key] = read_idx(files[key], IMAGE_DIMENSIONS if key.endswith("images") else 1)
    return arrays, checksums


def packed(*checksums: str) -> dict[str, str]:
    """Return the SHA-256 of the mirrors' .gz files by name; they are given in the order of FILES."""
    return dict(zip((f"{name}.gz" for name in FILES.values()), checksums, strict=True))


class MNIST(ImageSet):
    """70,000 handwritten digits, 28 x 28: LeCun et al. 1998."""

    characters = True
    name, title = "mnist", "MNIST"
    classes = "0123456789"
    packed_sha256 = packed(
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
    packed_sha256 = packed(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    )


class KMNIST(ImageSet):
    """70,000 cursive Japanese characters, 28 x 28: Clanuwat et al. 2018."""

    characters = True
    name, title = "kmnist", "Kuzushiji-MNIST"
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    packed_sha256 = packed(
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    )
