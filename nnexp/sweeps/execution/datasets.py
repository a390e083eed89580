"""Data sets of a sweep: loaded once for all jobs of a process, and read once for all of its processes.

Image sets are memory-mapped from the user's cache anyway. Other data sets, tables above all, are stored in
the sweep's folder by the process that reads them first; the others map the same pages of memory.
"""

import mmap
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from nnexp.atomic_write import MODE, write_atomically
from nnexp.data.dataset import Dataset, Source

FOLDER = ".data"  # in the sweep's folder, while the sweep goes on
MAX_BYTES = 1 << 28  # of the data sets that a process keeps besides the last one
MAX_DATASETS = 8
ALIGNMENT = 64  # bytes, of each array in the file
OF_THE_SPLIT = ("fold", "folds", "limit", "balanced")  # keys that `load` of our own sources does not read


@dataclass
class SweepDatasets:
    """The data sets of a process, and those that processes share in a folder."""

    folder: Path | None = None  # None: nothing is shared
    loaded: OrderedDict[str, Dataset] = field(default_factory=OrderedDict)  # the last one at the end

    def load(self, source: Source) -> Dataset:
        """Return the data set of a source, read only if no job before has done so."""
        key = key_of(source)
        if key not in self.loaded:
            self.make_room()
            self.loaded[key] = (
                source.load() if self.folder is None else load_shared(source, self.folder / key)
            )
        self.loaded.move_to_end(key)
        return self.loaded[key]

    def make_room(self) -> None:
        """Drop the data sets that were used longest ago, as far as they take memory."""
        sizes = {key: bytes_of(dataset) for key, dataset in self.loaded.items()}
        while self.loaded and (sum(sizes.values()) > MAX_BYTES or len(self.loaded) == MAX_DATASETS):
            key, _ = self.loaded.popitem(last=False)
            del sizes[key]


def key_of(source: Source) -> str:
    """Return a name for what `load` reads: the source's settings, and the state of its files."""
    kind = type(source)
    settings: dict[str, Any] = dict(vars(source))
    if kind.__module__.startswith("nnexp."):
        settings = {name: value for name, value in settings.items() if name not in OF_THE_SPLIT}
        settings["validation"] = source.has_validation
    facts = [
        kind.__module__,
        kind.__qualname__,
        sorted(settings.items()),
        sorted(file_states(settings).items()),
    ]
    return sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def file_states(settings: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return size and time of the files that settings name: one that has changed is read again."""
    states = {}
    for name, value in settings.items():
        if isinstance(value, str) and value:
            with suppress(OSError, ValueError):
                stat = Path(value).expanduser().stat()
                states[name] = (stat.st_size, stat.st_mtime_ns)
    return states


def bytes_of(dataset: Dataset) -> int:
    """Return the memory that a data set takes from this process alone."""
    arrays = (dataset.x, dataset.y, dataset.x_test, dataset.y_test)
    return sum(array.nbytes for array in arrays if not is_mapped(array))


def is_mapped(array: np.ndarray[Any, Any]) -> bool:
    """Return whether the numbers of an array lie in a file that is mapped."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


def load_shared(source: Source, path: Path) -> Dataset:
    """Map a data set that another process has stored at `path`, or read it and store it there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", mode=MODE):
        if path.exists():
            return read_mapped(path)
        dataset = source.load()
        if is_mapped(dataset.x):
            return dataset
        with suppress(OSError):  # the disk is full: each process has its own
            store(dataset, path)
            return read_mapped(path)
    return dataset


def store(dataset: Dataset, path: Path) -> None:
    """Store a data set: its arrays one after the other, the rest in a file beside them."""
    buffers: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(dataset, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    starts = []
    end = 0
    for view in views:
        starts.append(-(-end // ALIGNMENT) * ALIGNMENT)
        end = starts[-1] + view.nbytes
    bounds = [(start, start + view.nbytes) for start, view in zip(starts, views, strict=True)]

    def write(file: Any) -> None:
        for start, view in zip(starts, views, strict=True):
            file.seek(start)
            file.write(view)
        file.truncate(end)

    write_atomically(path.with_suffix(".rest"), pickle.dumps((bounds, rest)))
    write_atomically(path, write)


def read_mapped(path: Path) -> Dataset:
    """Read a data set whose arrays stay in the file, which all processes map."""
    bounds, rest = pickle.loads(path.with_suffix(".rest").read_bytes())  # noqa: S301, written by this sweep
    with path.open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    dataset = pickle.loads(rest, buffers=[view[start:end] for start, end in bounds])  # noqa: S301
    assert isinstance(dataset, Dataset)
    return dataset


def clear(folder: Path) -> None:
    """Remove the data sets that a sweep shares in its folder, also those of a sweep that died."""
    shutil.rmtree(folder, ignore_errors=True)
