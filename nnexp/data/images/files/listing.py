"""List image files with their classes: a folder for each class, alone or in folders train, valid and test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.tables.partition import SPLIT_OF, TRAINING
from nnexp.messages import listed, plural
from nnexp.preprocessing.images.folder import find_images, sub_folders, valid_text
from nnexp.preprocessing.images.image_file import SUFFIXES

MAX_LISTED = 3  # other files in an error
EXPECTED = "expected a folder with a sub-folder of images for each class, or a CSV file of files and classes"


@dataclass
class Listing:
    """Image files, in order, with the name of the class and the split of each."""

    root: Path  # that names are relative to
    files: list[Path] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)  # TRAINING, VALIDATION or TEST
    notes: list[str] = field(default_factory=list)

    def add(self, files: Sequence[Path], name: str, split: int) -> None:
        """Add files of one class and split."""
        self.files += files
        self.classes += [name] * len(files)
        self.splits += [split] * len(files)

    def extend(self, other: "Listing", split: int) -> None:
        """Add all files of another listing to one split."""
        self.files += other.files
        self.classes += other.classes
        self.splits += [split] * len(other.files)
        self.notes += other.notes

    @property
    def split(self) -> NDArray[np.int64]:
        """The split of each file (N,)."""
        return np.array(self.splits, np.int64)

    def names(self) -> list[str]:
        """Return the names of the files for messages and tables, relative to the root."""
        return [relative_name(path, self.root) for path in self.files]


def list_folder(root: Path) -> Listing:
    """List the images of a folder; its sub-folders are classes, or splits with the classes in them.

    Raises:
        DataError: there are no such folders, or they hold no images.
    """
    try:
        return _list_folder(root)
    except OSError as error:
        where = Path(error.filename) if error.filename else root
        raise DataError(f"cannot be read: {error.strerror or error}", path=where) from error


def _list_folder(root: Path) -> Listing:
    listing = Listing(root)
    folders = sub_folders(root)
    others: list[str] = []
    empty: list[str] = []
    splits = {folder: SPLIT_OF.get(folder.name.lower()) for folder in folders}
    if any(split == TRAINING and sub_folders(folder) for folder, split in splits.items()):
        unknown = [folder.name for folder, split in splits.items() if split is None]
        if unknown:
            listing.notes.append(f"not read beside the folder of training images: {listed(unknown)}")
        parents = {folder: split for folder, split in splits.items() if split is not None}
    else:
        parents = {root: TRAINING}
        listing.notes += _splits_within_classes(folders)
    for parent, split in parents.items():
        for folder in sub_folders(parent):
            files = list(find_images(folder, others))
            listing.add(files, valid_text(folder.name), split)
            empty += [] if files else [relative_name(folder, root)]
    if not listing.files:
        raise _without_images(root, folders, others)
    for parent in dict.fromkeys((root, *parents)):
        if loose := sum(1 for path in parent.iterdir() if path.name.lower().endswith(SUFFIXES)):
            where = "" if parent == root else f"{relative_name(parent, root)}: "
            listing.notes.append(f"{where}{plural(loose, 'image')} beside the folders of classes not read")
    if empty:
        listing.notes.append(f"folders without images, which are no classes: {listed(empty)}")
    if others:
        listing.notes.append(f"{plural(len(others), 'file')} with other endings not read: {listed(others)}")
    return listing


def _splits_within_classes(folders: Sequence[Path]) -> list[str]:
    """Describe folders of splits within those of classes, which are not kept."""
    within = {inner.name for folder in folders for inner in sub_folders(folder)}
    names = sorted(name for name in within if name.lower() in SPLIT_OF)
    problem = f"{listed(names)} within folders of classes are no splits: their images are read together"
    return [f"{problem}; fix: move them to train/CLASS, test/CLASS"] if names else []


def _without_images(root: Path, folders: Sequence[Path], others: Sequence[str]) -> DataError:
    """Build the error of a folder in which no class has an image."""
    problem = f"no images in its {plural(len(folders), 'sub-folder')}" if folders else "no sub-folders"
    endings = ", ".join(SUFFIXES)
    remedy = f"put images ({endings}) into a sub-folder for each class"
    if others:
        problem += f", but {plural(len(others), 'file')} with other endings: {listed(others, MAX_LISTED)}"
        remedy = f"convert them to images that are read ({endings})"
    return DataError(f"{problem}; {EXPECTED}", remedy, path=root)


def relative_name(path: Path, root: Path) -> str:
    """Return the name of a file for messages and tables, relative to a folder if it is in it."""
    return valid_text(path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))
