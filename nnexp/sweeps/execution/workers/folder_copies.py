"""Copies of a job's folder, sent from a machine that does not see the folder of the sweep."""

from collections.abc import Mapping
from pathlib import Path

from nnexp.atomic_write import write_atomically

Files = Mapping[str, bytes]  # contents by relative path


def read_files(folder: Path) -> Files:
    """Read all files of a folder but locks."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def write_files(folder: Path, files: Files) -> None:
    """Write files in place of what a folder holds, which an attempt before may have left.

    Raises:
        ValueError: a path leads out of the folder.
    """
    root = folder.resolve()
    paths = {(root / name).resolve(): content for name, content in files.items()}
    if not all(path.is_relative_to(root) for path in paths):
        raise ValueError(f"{folder}: a copied file would lie outside")
    for path, content in paths.items():
        write_atomically(path, content)
    for path in [path for path in root.rglob("*") if path.is_file() and path not in paths]:
        path.unlink()
