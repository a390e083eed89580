"""Any content of a checkpoint is a `Checkpoint` or an `ArrayFileError`.

The first byte says what the rest is: the file, or the JSON header of a file whose checksums are right.
"""

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from nnexp.array_file import ArrayFileError
from nnexp.training.checkpoint import checkpoint_file
from nnexp.training.checkpoint.checkpoint_file import Checkpoint, read_checkpoint, write_checkpoint
from nnexp.training.checkpoint.state import State

FOLDER = Path(tempfile.mkdtemp())
STATE = State({"network/theta": np.arange(3.0)}, {"trainer/step": 3})
VALID = write_checkpoint(FOLDER, Checkpoint(3, 1, 0.5, "ab", "cd", STATE)).read_bytes()
HEADER = json.dumps(
    json.loads(np.load(FOLDER / "checkpoints" / "000000003.npz")["header"].tobytes())
).encode()
SEEDS = [b"\0" + VALID, b"\1" + HEADER]


def check(content: bytes) -> None:
    path = FOLDER / "file.npz"
    if content[:1] == b"\1":
        arrays = {"network/theta": np.arange(3.0), "header": np.frombuffer(content[1:], np.uint8)}
        arrays["sha256"] = checkpoint_file.checksum(arrays)
        with path.open("wb") as file:
            np.savez(file, **arrays)
    else:
        path.write_bytes(content[1:])
    with suppress(ArrayFileError):
        repr(read_checkpoint(path))
