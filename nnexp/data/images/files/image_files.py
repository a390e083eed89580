"""A data set from image files: a folder with a sub-folder for each class, or a table of files and classes."""

from math import prod
from pathlib import Path, PureWindowsPath
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le, Lt
from numpy.typing import NDArray

from nnexp.data.canonical import FilePath, OptionalFilePath
from nnexp.data.dataset import Dataset, ImageSource, SourceRows, ValidationRatio
from nnexp.data.errors import MAX_LISTED, DataError
from nnexp.data.images.files.decoded import Decoded, load_decoded
from nnexp.data.images.files.label_table import read_label_table
from nnexp.data.images.files.listing import EXPECTED, Listing, list_folder
from nnexp.data.splitting import Rows
from nnexp.data.tables.formats import local_path
from nnexp.data.tables.partition import TEST, TRAINING, VALIDATION, draw_test
from nnexp.messages import hydra_override, listed, natural_key, plural
from nnexp.preprocessing.images.image_file import EXPECTED as FORMATS
from nnexp.preprocessing.images.image_file import SUFFIXES
from nnexp.preprocessing.images.pixels import Resize

Side = Annotated[int, Ge(1), Le(1024)]
DEFAULT_TEST = 0.2
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
COMMON = "cannot be read as an image"  # what the heading says


class ImageFiles(ImageSource):
    """Images of PNG, JPEG, GIF, BMP or WebP files, decoded once and cached as bytes of one size.

    They are turned as the camera was, transparent pixels are white, of an animation the first image is taken.
    """

    path: FilePath  # a folder with a sub-folder for each class, or a table of files and classes
    validation: ValidationRatio = 0.2
    root: str = ""  # unused
    size: Side | list[Side] | None = None  # height and width, or one number for both
    color: Literal["auto", "grey", "rgb"] = "auto"
    resize: Resize = "stretch"
    test: Annotated[float, Ge(0), Lt(1)] = DEFAULT_TEST  # ratio of test images; 0: none
    test_path: OptionalFilePath = None  # of a folder or table of test images; `test` draws none then
    broken: Literal["skip", "error"] = "skip"  # what to do with files that cannot be read
    folder: OptionalFilePath = None  # of a table, that of its files; None: the table's own
    file: str | None = None  # of a table, the column of the files
    target: str | None = None  # of a table, the column of the classes
    split: str | None = None  # of a table, the column that assigns images to train, validation or test

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.size, list) and len(self.size) != 2:
            given = hydra_override("data.size", self.size)
            raise ValueError(f"{given}: expected height and width, or one number for both; fix: data.size=32")
        if self.test_path and self.test not in (0, DEFAULT_TEST):
            problem = f"data.test={self.test:g} draws test images, and data.test_path holds others"
            raise ValueError(f"{problem}; fix: data.test=0 or data.test_path=null")

    @property
    def height_width(self) -> tuple[int, int] | None:
        """The size as a pair."""
        if self.size is None:
            return None
        height, width = self.size if isinstance(self.size, list) else (self.size, self.size)
        return height, width

    def load(self) -> Dataset:
        path = local_path(self.path, "data.path")
        listing = self.list_files(path)
        classes = class_names(listing, path)
        numbers = {name: i for i, name in enumerate(classes)}
        y = np.array([numbers[name] for name in listing.classes], np.int64)
        training, test = self.partition(listing, y)
        order = np.concatenate([training, test])
        names = listing.names()
        decoded = load_decoded(
            path,
            [listing.files[i] for i in order],
            [names[i] for i in order],
            size=self.height_width,
            color=self.color,
            resize=self.resize,
        )
        self.check(decoded, len(order), path)
        kept = order[decoded.kept]
        n = int(decoded.kept[: len(training)].sum())
        if drawn := sorted(set(y.tolist()) - set(y[training].tolist())):
            lacking = listed([classes[i] for i in drawn])
            problem = f"no training image of {lacking}: all are drawn for the test"
            raise DataError(problem, "add images", "data.stratify=true", path)
        y = y[kept]
        if missing := sorted(set(range(len(classes))) - set(y[:n].tolist())):
            problem = f"no training image of {listed([classes[i] for i in missing])} can be read"
            raise DataError(problem, "repair the files, or remove the class", path=path)
        assigned = listing.split[kept[:n]] == VALIDATION
        shape = decoded.images.shape[1:]
        x = decoded.images.reshape(len(kept), prod(shape))
        source = SourceRows(kept, np.array([names[i] for i in kept], object))
        return Dataset(
            name=path.name.partition(".")[0] or path.name,
            x=x[:n],
            y=y[:n],
            x_test=x[n:],
            y_test=y[n:],
            shape=shape,
            classes=tuple(classes),
            scale=1 / 255,
            standardize=self.standardize,
            assigned=assigned if assigned.any() and self.has_validation and self.folds is None else None,
            notes=(*listing.notes, describe_size(decoded, self.resize)),
            left_out=tuple(describe_problems(decoded.problems, len(order))) if decoded.problems else (),
            source=source.take(np.arange(n)),
            source_test=source.take(np.arange(n, len(x))),
            resize=self.resize,
        )

    def list_files(self, path: Path) -> Listing:
        """List the images of `path` and `test_path`."""
        listing = self.list_one(path)
        if self.test_path is None:
            return listing
        test_path = local_path(self.test_path, "data.test_path")
        if test_path == path:
            problem = "data.test_path is data.path: the test images would be those of training"
            raise DataError(problem, setting="data.test_path=null", path=path)
        if TEST in listing.splits:
            problem = "it holds test images, and data.test_path holds others"
            raise DataError(problem, setting="data.test_path=null", path=path)
        listing.extend(self.list_one(test_path), TEST)
        return listing

    def list_one(self, path: Path) -> Listing:
        if not path.exists():
            raise DataError(f"no such folder or file; {EXPECTED}", path=path)
        if path.is_dir():
            return list_folder(path)
        if path.name.lower().endswith(ARCHIVES):
            raise DataError(f"an archive is not read; {EXPECTED}", "unpack it, name its folder", path=path)
        if path.name.lower().endswith(SUFFIXES):
            raise DataError(f"a single image; {EXPECTED}", "name the folder above its class", path=path)
        folder = local_path(self.folder, "data.folder") if self.folder else None
        if folder is not None and not folder.is_dir():
            raise DataError("data.folder: no such folder; expected that of the table's files", path=folder)
        return read_label_table(path, folder, {"file": self.file, "target": self.target, "split": self.split})

    def partition(self, listing: Listing, y: NDArray[np.int64]) -> tuple[Rows, Rows]:
        """Return the training rows, with those of validation, and the test rows; given ones or drawn ones."""
        split = listing.split
        test = np.flatnonzero(split == TEST)
        if not len(test) and self.test:
            if len(np.unique(y)) == len(y):
                problem = "each class has a single image, so none can be held out"
                raise DataError(problem, "add images", "data.test=0 data.validation=0", listing.root)
            test = draw_test(np.flatnonzero(split == TRAINING), self.test, y, None, self.stratify)
        return np.setdiff1d(np.arange(len(y)), test, assume_unique=True), test

    def check(self, decoded: Decoded, count: int, path: Path) -> None:
        """Refuse damaged files where that is set, and a data set of them alone."""
        if decoded.problems and (self.broken == "error" or not len(decoded.images)):
            setting = "data.broken=skip" if len(decoded.images) else ""
            remedy = "repair or delete them"
            if path.is_file() and not len(decoded.images):
                remedy = "name the folder that the files are relative to, with data.folder"
                if any(PureWindowsPath(name).drive for name in decoded.problems):
                    remedy = "write paths of this machine, or relative ones, into the table"
            problem = "\n  ".join(describe_problems(decoded.problems, count))
            raise DataError(problem, remedy, setting, path)


def describe_size(decoded: Decoded, resize: Resize) -> str:
    """Describe how the images were changed."""
    shape = decoded.images.shape
    kind = "rgb" if len(shape) == 4 else "grey"
    resized = "" if decoded.size == shape[-2:] else f", resized: {resize}"
    return f"images of {shape[-2]} x {shape[-1]} pixels, {kind}{resized}"


def class_names(listing: Listing, path: Path) -> list[str]:
    """Return the names of the training images' classes, in natural order.

    Raises:
        DataError: there is only one, or other images have another.
    """
    training = {
        name for name, split in zip(listing.classes, listing.splits, strict=True) if split == TRAINING
    }
    if not training:
        raise DataError(f"no training images; {EXPECTED}", path=path)
    if others := sorted(set(listing.classes) - training, key=natural_key):
        problem = f"classes without a training image: {listed(others)}"
        raise DataError(problem, "correct the names of the folders or classes", path=path)
    if len(training) == 1:
        problem = f"all images are of one class, {next(iter(training))!r}; expected at least two"
        raise DataError(problem, "add a sub-folder of images for another class", path=path)
    return sorted(training, key=natural_key)


def describe_problems(problems: dict[str, str], count: int) -> list[str]:
    """Return a heading, and a line for each damaged file that says what is wrong with it."""
    short = {name: text.removeprefix(COMMON).removesuffix(f"; {FORMATS}") for name, text in problems.items()}
    names = sorted(short, key=natural_key)
    lines = [f"{name}: {short[name].lstrip(':, ')}" for name in names]
    if len(lines) > MAX_LISTED:
        lines[MAX_LISTED:] = [f"and {len(lines) - MAX_LISTED:,} more"]
    return [f"{len(problems):,} of {plural(count, 'file')} cannot be read as images:", *lines]
