"""Verified arrays as raw files that start-up maps into memory instead of reading.

An entry is a folder of .npy files and a manifest, which is written last and names what the arrays were made from. Only
verified content is ever stored, each file appears whole or not at all, and an entry that does not fit its manifest, down to the SHA-256
of its arrays, is made anew.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nnexp.data.dataset import Bytes, digest

Arrays = Mapping[str, Bytes]
MANIFEST = "manifest.json"
USER_CACHE = "~/.cache/nnexp"
"""Where arrays are cached when the data folder itself cannot be written."""


def place(folder: Path) -> Path:
    """Where the cache of a data set's folder lies: inside it if that can be written, else in the person's own cache."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if (
        os.access(nearest, os.W_OK) and nearest.stat().st_mode & 0o222
    ):  # root may write anywhere, and still should not
        return folder / "cache"
    return (
        Path(USER_CACHE).expanduser() / folder.name / f"cache-{sha256(str(folder).encode()).hexdigest()[:12]}"
    )


def cached(
    folder: Path, made_from: dict[str, Any], make: Callable[[], tuple[Arrays, str]]
) -> tuple[Arrays, str]:
    """The arrays of the entry in `folder`, mapped read-only; made and stored first where there are none that fit.

    Args:
        folder: of this entry alone; where it cannot be written, nothing is stored and the arrays stay in memory.
        made_from: JSON-like, identifies the source (names, sizes, times); another source means another content.
        make: reads and verifies the source; returns the arrays and their SHA-256.
    """
    if (found := stored(folder, made_from)) is not None:
        return found
    arrays, sha256 = make()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        for name, array in arrays.items():
            write_whole(folder / f"{name}.npy", partial(np.save, arr=array))
        sizes = {name: (folder / f"{name}.npy").stat().st_size for name in arrays}
        manifest = json.dumps({"made_from": made_from, "sha256": sha256, "sizes": sizes}, indent=1)
        write_whole(folder / MANIFEST, lambda file: file.write(manifest.encode()))
    except OSError:
        return arrays, sha256
    return stored(folder, made_from) or (arrays, sha256)


def stored(folder: Path, made_from: dict[str, Any] | None = None) -> tuple[Arrays, str] | None:
    """The arrays of the entry in `folder` and their SHA-256, if it is whole and made from that (or from anything)."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if made_from is not None and manifest["made_from"] != made_from:
            return None
        files = {name: folder / f"{name}.npy" for name in manifest["sizes"]}
        if any(files[name].stat().st_size != size for name, size in manifest["sizes"].items()):
            return None
        arrays = {name: np.load(file, mmap_mode="r") for name, file in files.items()}
        return (arrays, manifest["sha256"]) if digest(*arrays.values()) == manifest["sha256"] else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def write_whole(path: Path, write: Callable[[Any], Any]) -> None:
    """Write a file beside its place and move it there, so that nobody ever sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
