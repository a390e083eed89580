"""Any content of an IDX file, raw or compressed, is an array of the size that it says, or a `DataError`."""

import gzip
import struct
import tempfile
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.data.images.idx import read_idx

FOLDER = tempfile.TemporaryDirectory()
IMAGES = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4) + bytes(range(24))
LABELS = struct.pack(">HBBI", 0, 8, 1, 5) + bytes(5)
SEEDS = [
    *(pack(each) for pack in (bytes, gzip.compress) for each in (IMAGES, LABELS)),
    gzip.compress(b"") * 2,
]


def check(content: bytes) -> None:
    path = Path(FOLDER.name) / "file.gz"
    path.write_bytes(content)
    for dimensions in (1, 3):
        try:
            array, checksum = read_idx(path, dimensions)
        except DataError:
            continue
        assert (array.ndim, len(checksum)) == (dimensions, 64)
        assert array.size <= 1200 * len(content)
