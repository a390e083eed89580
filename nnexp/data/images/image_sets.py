"""The MNIST family: four IDX files a set, read from a folder or fetched from mirrors, verified, cached.

MNIST's content is checked against the SHA-256 that is public knowledge. For Fashion-MNIST and Kuzushiji-MNIST only the MD5 of
the mirrors' files is known: it is checked on download, and later loads are held to the SHA-256 that the content had at first
use, which is kept in `first-use.json` beside the cache.
"""

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np

from nnexp.data.dataset import Bytes, DataError, Dataset, Fold, Folds, Limit, Source, ValidationRatio, digest
from nnexp.data.images.array_cache import Arrays, cached, place, stored, write_whole
from nnexp.data.images.download import download, notice
from nnexp.data.images.idx import read_idx

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class ImageSet(Source):
    """Four IDX files in `root`/`name`, raw or gzip-compressed, or our cache of them; fetched where there are none.

    Args:
        validation: the ratio of the training images that is held out.
        root: the folder that holds the set's folder.
        mirrors: addresses of folders that hold the four .gz files, tried in order.
        limit, folds, fold, stratify, balanced: as of every source.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    md5: tuple[str, str, str, str]  # of the mirrors' .gz files, in the order of FILES
    sha256: tuple[str, str, str, str] | None = None  # of the decompressed files, where it is public

    def __init__(
        self,
        validation: ValidationRatio,
        root: str,
        mirrors: list[str],
        limit: Limit = None,
        folds: Folds = None,
        fold: Fold = 0,
        stratify: bool = True,
        balanced: bool = False,
    ) -> None:
        super().__init__(validation, root, limit, folds, fold, stratify, balanced)
        self.mirrors = mirrors

    def load(self) -> Dataset:
        folder = Path(self.root).expanduser().resolve() / self.name
        files = self.find(folder)
        entry = stored(folder / "cache") if not files else None
        arrays, content = entry or self.load_files(folder, self.fetch(folder, files))
        return Dataset(
            name=self.name,
            x=arrays["train_images"].reshape(len(arrays["train_images"]), -1),
            y=arrays["train_labels"].astype(np.int64),
            x_test=arrays["test_images"].reshape(len(arrays["test_images"]), -1),
            y_test=arrays["test_labels"].astype(np.int64),
            shape=arrays["train_images"].shape[1:],
            classes=self.classes,
            scale=1 / 255,
            sha256=content,
        )

    def find(self, folder: Path) -> dict[str, Path]:
        """Those of the four files that are there, by part."""
        places = {part: (folder / name, folder / f"{name}.gz") for part, name in FILES.items()}
        return {part: path for part, paths in places.items() for path in paths if path.is_file()}

    def fetch(self, folder: Path, files: dict[str, Path]) -> dict[str, Path]:
        """All four files: those that are there, and the missing ones from a mirror."""
        missing = [part for part in FILES if part not in files]
        if missing:
            notice(f"{self.title} is not in {folder}: downloading {len(missing)} files")
        try:
            for part, md5 in zip(FILES, self.md5, strict=True):
                if part in missing:
                    files[part] = download(f"{FILES[part]}.gz", self.mirrors, folder, md5)
        except DataError as error:
            names = "\n".join(f"  {FILES[part]}.gz" for part in missing)
            count = {1: "this file", 4: "these four files"}.get(len(missing), f"these {len(missing)} files")
            advice = f"Put {count} into {folder}\n(as they are, or unpacked without .gz):\n{names}"
            raise DataError(
                f"{error}\n{advice}\nor run `nnexp data=digits`, which needs no download."
            ) from error
        return {part: files[part] for part in FILES}

    def load_files(self, folder: Path, files: dict[str, Path]) -> tuple[Arrays, str]:
        """The verified content of the four files, from the cache if they are what it was made from."""
        cache = place(folder)
        made_from = {
            part: [str(file), file.stat().st_size, file.stat().st_mtime_ns] for part, file in files.items()
        }
        return cached(
            cache, made_from, lambda: self.read(files, cache.with_name(f"{cache.name}-first-use.json"))
        )

    def read(self, files: dict[str, Path], first_use: Path) -> tuple[Arrays, str]:
        """Read the four files and check all that can be known about them."""
        arrays: dict[str, Bytes] = {}
        content: dict[str, str] = {}
        for part, path in files.items():
            arrays[part], whole = read_idx(path, 3 if part.endswith("images") else 1)
            content[part] = sha256(whole).hexdigest()
        for kind in ("train", "test"):
            images, labels = arrays[f"{kind}_images"], arrays[f"{kind}_labels"]
            if len(images) != len(labels):
                counts = f"{files[f'{kind}_labels']} holds {len(labels):,} labels, {files[f'{kind}_images']} {len(images):,} images"
                raise DataError(f"{counts}: these two do not belong together")
            if len(labels) and labels.max() >= len(self.classes):
                raise DataError(
                    f"{files[f'{kind}_labels']}: label {labels.max()} in a set of {len(self.classes)} classes"
                )
        self.verify(files, content, first_use)
        return arrays, digest(*arrays.values())

    def verify(self, files: dict[str, Path], content: dict[str, str], first_use: Path) -> None:
        """Hold the content to the public SHA-256, or to the one it had at first use."""
        expected, known = (
            (dict(zip(FILES, self.sha256, strict=True)), "public") if self.sha256 else (content, "first-use")
        )
        if not self.sha256:
            expected = self.first_content(content, first_use)
        for part, path in files.items():
            if content[part] != expected[part]:
                advice = (
                    "delete it and fetch it anew"
                    if self.sha256
                    else f"fetch it anew, or delete {first_use} if you meant to change it"
                )
                found, wanted = content[part][:16], expected[part][:16]
                raise DataError(
                    f"{path}: not the content of {self.title}: SHA-256 {found}..., {known} is {wanted}...; {advice}"
                )

    def first_content(self, content: dict[str, str], first_use: Path) -> dict[str, str]:
        """The SHA-256 of each file at first use; this is the first use if there is no record of one."""
        try:
            known = json.loads(first_use.read_text())
            return {part: str(known[part]) for part in FILES}
        except FileNotFoundError:
            with suppress(OSError):  # where nothing can be written, nothing can be compared later
                first_use.parent.mkdir(parents=True, exist_ok=True)
                write_whole(first_use, lambda file: file.write(json.dumps(content, indent=1).encode()))
            return content
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(
                f"{first_use}: cannot be read as the record of first use ({error}); delete it if you trust the data"
            ) from error


class MNIST(ImageSet):
    """70,000 handwritten digits, 28 x 28: LeCun et al. 1998."""

    name, title = "mnist", "MNIST"
    classes = tuple("0123456789")
    md5 = (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
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
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    md5 = (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )


class KMNIST(ImageSet):
    """70,000 cursive Japanese characters, 28 x 28: Clanuwat et al. 2018."""

    name, title = "kmnist", "Kuzushiji-MNIST"
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    md5 = (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
