"""Checkpoint files: a run's whole state in one .npz, written atomically, verified by a checksum when read.

<run>/checkpoints/<steps taken, 9 digits>.npz holds the arrays of a `State` by their names, `header` (JSON:
facts, history and plain values) and `sha256` (of all others). The last two are kept.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.atomic_write import write_atomically
from nnexp.run_folder import CHECKPOINTS
from nnexp.training.checkpoint.plain_values import read_record
from nnexp.training.checkpoint.state import Arrays, State
from nnexp.training.record import Record

FORMAT = 1
KEPT = 2  # files
HEADER = "header"
CHECKSUM = "sha256"
FACTS = {"step": int, "epoch": int, "seconds": float, "config_hash": str, "data_sha256": str}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps, and what it belongs to."""

    step: int  # the steps taken
    epoch: int  # the one in progress, from 1
    seconds: float  # of the run so far
    config_hash: str
    data_sha256: str
    state: State = field(repr=False)
    history: tuple[Record, ...] = field(default=(), repr=False)  # a record per evaluation


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return the file of a checkpoint within a run's folder."""
    return folder / CHECKPOINTS / f"{step:09}.npz"


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoint files of a run, the newest first."""
    return sorted((folder / CHECKPOINTS).glob("[0-9]*.npz"), reverse=True)


def write_checkpoint(folder: Path, checkpoint: Checkpoint, kept: int = KEPT) -> Path:
    """Write a checkpoint so that it outlives a loss of power, then delete all but the last ones.

    Those of later steps are deleted too: the run went on from before them, since they were damaged.

    Raises:
        OSError: it cannot be written; those before it are unchanged.
    """
    facts = {name: getattr(checkpoint, name) for name in FACTS}
    history = [asdict(record) for record in checkpoint.history]
    header = {"format": FORMAT, **facts, "history": history, "values": checkpoint.state.values}
    arrays = dict(checkpoint.state.arrays)
    arrays[HEADER] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    arrays[CHECKSUM] = checksum(arrays)
    path = checkpoint_path(folder, checkpoint.step)
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays), durable=True)
    unfinished = path.parent.glob(".*.npz.*")  # by a process that was killed while it wrote
    files = list_checkpoints(folder)
    at = files.index(path)
    for other in (*files[:at], *files[at + kept :], *unfinished):
        with suppress(OSError):
            other.unlink()
    return path


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file.

    Raises:
        OSError: it cannot be read.
        ArrayFileError: it is damaged, or of another format.
    """
    arrays = read_arrays(path)
    stored = arrays.pop(CHECKSUM, None)
    if stored is None or not np.array_equal(stored, checksum(arrays)):
        raise ArrayFileError(path, "the checksum differs from the content")
    try:
        header = json.loads(arrays.pop(HEADER).tobytes())
        if header["format"] != FORMAT:
            raise ArrayFileError(path, f"expected a checkpoint of format {FORMAT}, got {header['format']}")
        history = tuple(map(read_record, header["history"]))
        facts = {name: header[name] for name in FACTS}
        for name, kind in FACTS.items():
            if type(facts[name]) is not kind:
                raise TypeError(f"expected {kind.__name__} as {name}, got {facts[name]!r}"[:100])
        if not isinstance(header["values"], dict):
            raise TypeError("expected values by name")
        return Checkpoint(**facts, state=State(arrays, header["values"]), history=history)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, ArrayFileError):
            raise
        raise ArrayFileError(path, f"the header is not that of a checkpoint: {error!r}") from error


def read_latest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Read the newest checkpoint of a run that is whole; also return what is wrong with newer ones."""
    problems: list[str] = []
    for path in list_checkpoints(folder):
        try:
            return read_checkpoint(path), problems
        except (OSError, ArrayFileError) as error:
            problems.append(str(error))
    return None, problems


def checksum(arrays: Mapping[str, NDArray[Any]] | Arrays) -> NDArray[np.uint8]:
    """Compute the SHA-256 of names, types, shapes and contents, (32,)."""
    digest = sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b"")
    return np.frombuffer(digest.digest(), np.uint8)
