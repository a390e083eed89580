"""Any content of a Parquet file is a data set or an error of data."""

import io
import tempfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nnexp.data.errors import DataError
from nnexp.data.tables.table import Table

COLUMNS = {"a": [1.5, 2.5, None] * 9, "b": ["x", "y", "é"] * 9, "y": [0, 1, 1] * 9}


def _written(**options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(COLUMNS), file, **options)
    return file.getvalue()


SEEDS = [_written(compression=name) for name in ("none", "snappy", "zstd", "gzip")]
SEEDS += [_written(use_dictionary=False, compression="none"), _written(data_page_version="2.0")]


def check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(DataError):
        path = Path(folder) / "t.parquet"
        path.write_bytes(content)
        Table(path=str(path), target="y").load()
