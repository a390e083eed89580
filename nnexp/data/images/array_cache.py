"""Cache verified arrays as raw files that are memory-mapped instead of read.

An entry is a folder of .npy files and a manifest, which is written last and records what they were made from.
An entry that does not fit its manifest, including the SHA-256 of its arrays, is built again.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from nnexp.array_file import map_array
from nnexp.atomic_write import write_atomically
from nnexp.data.dataset import digest
from nnexp.regular_file import open_regular

Arrays = Mapping[str, NDArray[Any]]
Entry = tuple[Arrays, str]  # and their SHA-256
MANIFEST, LOCK = "manifest.json", ".lock"
MAX_MANIFEST = 1 << 16  # bytes
SOON, PATIENCE = 3, 1800  # seconds that another process may take, without and with a line that says so


def load_or_build(folder: Path | None, made_from: dict[str, Any], build: Callable[[], Entry]) -> Entry:
    """Load the arrays of an entry, memory-mapped, and their SHA-256; or build and store them.

    Of several processes one builds, and the others wait for it. `made_from` identifies the source. Without a
    folder that can be written, the arrays stay in memory.
    """
    if folder is None:
        return build()
    if (entry := load_cached(folder, made_from)) is not None:
        return entry
    with sole_builder(folder):
        return load_cached(folder, made_from) or _build(folder, made_from, build)


def _build(folder: Path, made_from: dict[str, Any], build: Callable[[], Entry]) -> Entry:
    arrays, sha256 = build()
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
        for name, array in arrays.items():
            write_atomically(folder / f"{name}.npy", partial(np.save, arr=array))
        sizes = {name: (folder / f"{name}.npy").stat().st_size for name in arrays}
        manifest = {"made_from": made_from, "sha256": sha256, "sizes": sizes}
        write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1))
    except OSError:
        return arrays, sha256
    return load_cached(folder, made_from) or (arrays, sha256)


def load_cached(folder: Path, made_from: dict[str, Any] | None = None) -> Entry | None:
    """Load an entry if it is intact and was made from that source (None: from any)."""
    try:
        with open_regular(folder / MANIFEST) as file:
            manifest = json.loads(file.read(MAX_MANIFEST))
        if made_from is not None and manifest["made_from"] != made_from:
            return None
        files = {name: folder / f"{name}.npy" for name in manifest["sizes"]}
        if any(files[name].stat().st_size != size for name, size in manifest["sizes"].items()):
            return None
        arrays = {name: map_array(file) for name, file in files.items()}
        return (arrays, manifest["sha256"]) if digest(*arrays.values()) == manifest["sha256"] else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


@contextmanager
def sole_builder(folder: Path) -> Iterator[None]:
    """Hold the lock of an entry; where there can be none, or after `PATIENCE`, go on without it."""
    lock = FileLock(folder / LOCK)
    with suppress(OSError, NotImplementedError):  # the folder cannot be written, or its disk has no locks
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=SOON)
        except Timeout:
            print("waiting for another process that reads the same data", file=sys.stderr, flush=True)
            lock.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        lock.release()
