"""Find the image files of a folder and of the folders in it."""

import os
from collections.abc import Iterator
from pathlib import Path

from nnexp.messages import natural_key
from nnexp.preprocessing.images.image_file import SUFFIXES


def find_images(folder: Path, others: list[str] | None = None) -> Iterator[Path]:
    """Yield the image files below a folder in natural order, by their suffix; links are followed.

    Hidden files and folders are left out, a folder that links to one above it too. The names of other files
    are added to `others`.
    """
    return _walk(folder, [], others)


def sub_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in natural order, without hidden ones."""
    return [Path(entry) for entry in _entries(folder) if _is_folder(entry)]


def valid_text(name: str) -> str:
    """Return the name of a file as text that can be written as UTF-8, whatever its bytes are."""
    return os.fsencode(name).decode(errors="replace")


def _walk(folder: Path, above: list[str], others: list[str] | None) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if any(Path(one).is_relative_to(real) for one in above):  # a loop of links
        return
    for entry in _entries(folder):
        if _is_folder(entry):
            yield from _walk(Path(entry), [*above, real], others)
        elif entry.name.lower().endswith(SUFFIXES):
            yield Path(entry)
        elif others is not None:
            others.append(entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: natural_key(entry.name))
